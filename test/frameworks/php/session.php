<?php
// An application of PHP, as its manual has it: what it does with its session is named by the path.
class Basket { public array $items = ['tea']; }

$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
session_start();
switch ($path) {
  case '/login':
    $_SESSION['user'] = ['id' => 42, 'name' => "Zo\u{eb}"];
    $_SESSION['cart'] = ['tea', 3, 1.5, true, null];
    $_SESSION['deep'] = ['a' => ['b' => ['c' => [1, [2, 'x;y"z|w{}']]]], 'gap' => [3 => 'x'], 'none' => []];
    break;
  case '/object':
    $_SESSION['basket'] = ['kept' => new Basket()];
    break;
  case '/reference':
    $_SESSION['first'] = ['tea'];
    $_SESSION['second'] = &$_SESSION['first'];
    break;
  case '/number':
    $_SESSION['big'] = PHP_INT_MAX;
    break;
  case '/bytes':
    $_SESSION['raw'] = "\xff\xfe";
    break;
  case '/slow':
    // Begins, and takes its time with the session locked.
    file_put_contents($_GET['begun'], 'x');
    while (!file_exists($_GET['go'])) usleep(5000);
    clearstatcache();
    $_SESSION['cart'] = ['coffee'];
    break;
  case '/logout':
    session_destroy();
    break;
}
header('Content-Type: application/json');
echo json_encode(['user' => $_SESSION['user'] ?? null, 'cart' => $_SESSION['cart'] ?? null]);

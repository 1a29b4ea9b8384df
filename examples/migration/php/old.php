<?php
// The shop in PHP. It stays as it is; a page after the other moves to the application beside it.
session_start();
$method = $_SERVER['REQUEST_METHOD'];
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);

if ($method === 'POST' && $path === '/login') {
  session_regenerate_id(true);
  $_SESSION['user'] = ['name' => $_POST['name']];
  echo 'welcome';
} elseif ($method === 'POST' && preg_match('#^/cart/(\w+)$#', $path, $found)) {
  $_SESSION['cart'][] = $found[1];
  echo 'added';
} elseif ($method === 'POST' && $path === '/logout') {
  session_destroy();
  echo 'bye';
} else {
  header('Content-Type: application/json');
  echo json_encode(['user' => $_SESSION['user']['name'] ?? null, 'cart' => $_SESSION['cart'] ?? []]);
}

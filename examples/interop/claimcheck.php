<?php

declare(strict_types=1);

/**
 * Reads sessions of claimcheck; writes none. See docs/interop.md.
 *
 * One file for 64-bit PHP 8.1 and later with its openssl, and php-memcached or php-redis to fetch records with.
 *
 *     require 'claimcheck.php';
 *
 *     $reader = new Claimcheck\Reader(getenv('SESSION_SECRET'), [Claimcheck\memcached('10.0.0.1'), Claimcheck\memcached('10.0.0.2')]);
 *     $session = $reader->read($_SERVER['HTTP_COOKIE'] ?? null);
 *     if ($session->status === 'found') $user = $session->data['userId'] ?? null;
 */

namespace Claimcheck;

/** Nobody can say now what the session is: answer 503, and do not treat the visitor as logged out. */
final class Unavailable extends \RuntimeException
{
}

/**
 * What a request's session is. `found`; `none` without a valid claim check; `absent` where it has expired; `gone` where it was ended by a
 * logout or a login; `duplicate` where the cookies name two that live. Only a `found` one has data. Times are seconds since 1970.
 */
final class Session
{
    public function __construct(
        public readonly string $status,
        /** Objects of JSON are arrays here, so an empty one cannot be told from an empty list. */
        public readonly array $data = [],
        public readonly ?int $created = null,
        public readonly ?int $until = null,
        public readonly ?int $authenticated = null,
        public readonly ?string $lifetime = null,
        public readonly ?int $revision = null,
        public readonly ?string $ref = null,
    ) {
    }
}

/** Reads the sessions of one configuration: the same secrets, namespace and cookie name as on the side that writes. */
final class Reader
{
    private const MAX_REVISION = 2 ** 48 - 1;
    private const MAX_MACS = 4;
    /** 34 levels are good; PHP wants to be told one more. */
    private const MAX_DEPTH = 35;
    private const TOKEN = '/^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{43})$/D';
    private const RECEIPT = '/^(0|[1-9a-z][0-9a-z]{0,9})\.([A-Za-z0-9_-]{22})$/D';

    /** @var Keys[] */
    private array $keys;
    private \Closure $now;

    /**
     * `$secrets`: one or several. `$stores`: a function for each server, or each copy, that gives the record of a key or null, such as
     * `memcached('host')` or `redis('host')`; each is asked, and the newest record counts. `$now`: seconds since 1970.
     *
     * @param string|string[] $secrets
     * @param callable[] $stores
     */
    public function __construct(
        #[\SensitiveParameter] string|array $secrets,
        private array $stores,
        private string $namespace = 'session',
        private string $cookie = '__Host-sid',
        ?callable $now = null,
    ) {
        $this->keys = array_map(fn (string $secret) => new Keys($secret, $cookie), array_values((array) $secrets));
        if ($this->keys === [] || $stores === []) {
            throw new \InvalidArgumentException('claimcheck: at least one secret and one store are needed');
        }
        $this->now = $now === null ? fn () => microtime(true) : $now(...);
    }

    /** The session that a Cookie header names. Throws Unavailable where a store does not answer. */
    public function read(?string $cookieHeader): Session
    {
        $claims = $this->claims($cookieHeader ?? '');
        if ($claims === []) {
            return new Session('none');
        }
        $found = array_map(fn (array $claim) => $this->load($claim, $cookieHeader), array_values($claims));
        $of = fn (string $status) => array_values(array_filter($found, fn (Session $one) => $one->status === $status));
        $living = $of('found');
        if ($living !== []) {
            return count($living) === 1 ? $living[0] : new Session('duplicate');
        }
        return $of('gone')[0] ?? $found[0];
    }

    private function claims(string $header): array
    {
        $macs = self::MAX_MACS;
        $latest = [];
        foreach (values($header, $this->cookie) as $token) {
            if (strlen($token) > 1024 || preg_match(self::TOKEN, $token, $parts) !== 1) {
                continue;
            }
            $key = $this->keyWhere(fn (Keys $one) => $one->header === $parts[1]);
            $payload = decode($parts[2]);
            $mac = decode($parts[3]);
            if ($key === null || $payload === null || $mac === null || $macs-- <= 0) {
                continue;
            }
            if (!hash_equals(mac("$parts[1].$parts[2]", $key->signing), $mac)) {
                continue;
            }
            $claim = $this->claimOf($payload);
            if ($claim !== null && $claim['revision'] > ($latest[$claim['key']]['revision'] ?? -1)) {
                $latest[$claim['key']] = $claim;
            }
        }
        return $latest;
    }

    /** The claims, only if the bytes are exactly what signing would write: no other member, order, spelling or number. */
    private function claimOf(string $payload): ?array
    {
        $given = json_decode($payload, true);
        if (!is_array($given)) {
            return null;
        }
        $claims = [];
        foreach (['sid', 'rev', 'iat', 'exp', 'aud', 'sub', 'lifetime'] as $name) {
            if (array_key_exists($name, $given)) {
                $claims[$name] = $given[$name];
            }
        }
        if (json_encode($claims, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_LINE_TERMINATORS) !== $payload) {
            return null;
        }
        ['sid' => $sid, 'rev' => $rev, 'iat' => $iat, 'exp' => $exp, 'aud' => $aud] = $claims + array_fill_keys(['sid', 'rev', 'iat', 'exp', 'aud'], null);
        $good = isWhole($rev, self::MAX_REVISION) && isWhole($iat) && isWhole($exp) && $aud === $this->namespace
            && is_string(array_key_exists('sub', $claims) ? $claims['sub'] : '')
            && isLifetime(array_key_exists('lifetime', $claims) ? $claims['lifetime'] : 'default');
        $id = is_string($sid) ? decode($sid) : null;
        $now = ($this->now)();
        if (!$good || $id === null || strlen($id) !== 32 || $iat > $now + 60 || $exp <= $now) {
            return null;
        }
        return ['id' => $id, 'key' => $this->namespace . ':' . encode(sha256($id)), 'revision' => $rev];
    }

    private function load(array $claim, string $header): Session
    {
        $seen = $this->revisionSeen($claim, $header);
        // A copy that lags, or a write on its way: look once more, then it is lost.
        foreach ([1, 2] as $try) {
            $session = $this->open($claim, $this->newest($claim['key'], $seen));
            if ($session->status !== 'found' || $session->revision >= $seen) {
                return $session;
            }
        }
        return new Session('absent');
    }

    /** The last revision that the browser was told: by the claim check, or by a receipt for the same session. */
    private function revisionSeen(array $claim, string $header): int
    {
        $later = [];
        foreach (values($header, $this->cookie . '-rev') as $value) {
            if (preg_match(self::RECEIPT, $value, $parts) === 1) {
                $later[] = [(int) base_convert($parts[1], 36, 10), $parts[1], $parts[2]];
            }
        }
        usort($later, fn (array $a, array $b) => $b[0] <=> $a[0]);
        $macs = self::MAX_MACS;
        foreach ($later as [$revision, $text, $mac]) {
            if ($revision <= $claim['revision'] || $revision > self::MAX_REVISION) {
                continue;
            }
            foreach ($this->keys as $key) {
                if ($macs-- <= 0) {
                    return $claim['revision'];
                }
                if (hash_equals(encode(substr(mac("{$claim['key']}\0$text", $key->receipt), 0, 16)), $mac)) {
                    return $revision;
                }
            }
        }
        return $claim['revision'];
    }

    /** A tombstone beats every record, of records the later revision counts. A server that is down may hold a later one. */
    private function newest(string $key, int $seen): ?string
    {
        $best = null;
        $down = null;
        $rank = fn (string $value) => [isTombstone($value), revisionIn($value)];
        foreach ($this->stores as $fetch) {
            try {
                $value = $fetch($key);
            } catch (\Throwable $error) {
                $down = $error;
                continue;
            }
            if ($value !== null && ($best === null || $rank($value) > $rank($best))) {
                $best = $value;
            }
        }
        if ($down !== null && ($best === null || (!isTombstone($best) && revisionIn($best) < $seen))) {
            throw new Unavailable('a store does not answer', 0, $down);
        }
        return $best;
    }

    private function open(array $claim, ?string $value): Session
    {
        if ($value === null) {
            return new Session('absent');
        }
        if (str_starts_with($value, "\0")) {
            if (strlen($value) > 20) {
                throw new Unavailable('a record of another release');
            }
            return new Session(isTombstone($value) ? 'gone' : 'absent');
        }
        // 0 format = 1 | 1-4 tag of the secret | 5-10 revision | 11 flags = 0 | 12-23 iv | ciphertext | 16 bytes of tag
        if (strlen($value) < 40) {
            return new Session('absent');
        }
        $key = $this->keyWhere(fn (Keys $one) => $one->tag === substr($value, 1, 4));
        if ($value[0] !== "\x01" || $value[11] !== "\0" || $key === null) {
            throw new Unavailable('a record of another release, or under a secret that is not configured');
        }
        $sealing = $key->derive('record/' . ord(sha256($claim['id'])[0]));
        $bound = substr($value, 0, 12) . $claim['key'];
        $text = openssl_decrypt(substr($value, 24, -16), 'aes-256-gcm', $sealing, OPENSSL_RAW_DATA, substr($value, 12, 12), substr($value, -16), $bound);
        $record = $text === false ? null : json_decode($text, true, self::MAX_DEPTH);
        if (!is_array($record) || !hasData($text)) {
            return new Session('absent');
        }
        [$created, $until, $proof, $lifetime] = array_map(fn (string $name) => $record[$name] ?? null, ['created', 'until', 'authenticated', 'lifetime']);
        if (!isWhole($created) || !isWhole($until) || $until <= ($this->now)()) {
            return new Session('absent');
        }
        return new Session(
            'found',
            $record['data'],
            $created,
            $until,
            isWhole($proof) ? $proof : null,
            isLifetime($lifetime) ? $lifetime : null,
            revisionIn($value),
            substr(encode(mac($claim['id'], $this->keys[0]->ref)), 0, 8),
        );
    }

    private function keyWhere(callable $fits): ?Keys
    {
        return array_values(array_filter($this->keys, $fits))[0] ?? null;
    }
}

/** All that one secret leads to, each by HKDF-SHA-256 with an empty salt. The signing key is of one cookie name. */
final class Keys
{
    public readonly string $signing;
    public readonly string $receipt;
    public readonly string $ref;
    public readonly string $tag;
    public readonly string $header;

    public function __construct(#[\SensitiveParameter] private string $secret, string $cookie)
    {
        // Text has no white space at its ends; bytes may.
        if (strlen($secret) < 32 || (preg_match('//u', $secret) === 1 && trim($secret) !== $secret)) {
            throw new \InvalidArgumentException('claimcheck: a secret has at least 32 bytes, and no white space at its ends');
        }
        $this->signing = $this->derive("token/$cookie");
        $this->receipt = $this->derive('receipt');
        $this->ref = $this->derive('ref');
        $this->tag = substr(sha256($this->derive('token')), 0, 4);
        $kid = substr(encode(sha256($this->signing)), 0, 8);
        $this->header = encode("{\"alg\":\"HS256\",\"kid\":\"$kid\",\"typ\":\"session+jwt\"}");
    }

    public function derive(string $purpose): string
    {
        return hash_hkdf('sha256', $this->secret, 32, "claimcheck/v1/$purpose", '');
    }
}

/** Asks one memcached, over one connection. `$prepare` is given the client, for options of its own. */
function memcached(string $host, int $port = 11211, int $milliseconds = 250, ?callable $prepare = null): \Closure
{
    $client = new \Memcached();
    $client->setOptions([
        \Memcached::OPT_CONNECT_TIMEOUT => $milliseconds,
        \Memcached::OPT_POLL_TIMEOUT => $milliseconds,
        \Memcached::OPT_TCP_NODELAY => true,
    ]);
    if ($prepare !== null) {
        $prepare($client);
    }
    $client->addServer($host, $port);
    return function (string $key) use ($client): ?string {
        $value = $client->get($key);
        if (is_string($value) && $client->getResultCode() === \Memcached::RES_SUCCESS) {
            return $value;
        }
        if ($client->getResultCode() === \Memcached::RES_NOTFOUND) {
            return null;
        }
        throw new \RuntimeException('memcached: ' . $client->getResultMessage());
    };
}

/** Asks one redis, over one connection; `tls://host` for TLS. `$prepare` is given the client once it is connected, for `auth` or `select`. */
function redis(string $host, int $port = 6379, int $milliseconds = 250, ?callable $prepare = null, array $context = []): \Closure
{
    $client = null;
    return function (string $key) use (&$client, $host, $port, $milliseconds, $prepare, $context): ?string {
        try {
            if ($client === null) {
                $new = new \Redis();
                $new->connect($host, $port, $milliseconds / 1000, null, 0, $milliseconds / 1000, $context);
                if ($prepare !== null) {
                    $prepare($new);
                }
                $client = $new;
            }
            $text = $client->rawCommand('GET', $key);
        } catch (\Throwable $error) {
            // What is left of an answer must not be taken for that to the next question.
            $client = null;
            throw $error;
        }
        if ($text === false && $client->getLastError() !== null) {
            $client = null;
            throw new \RuntimeException('redis refused to answer');
        }
        // Kept as base64url; what is none is nobody's record.
        return is_string($text) ? decode($text) ?? '?' : null;
    };
}

function mac(string $message, #[\SensitiveParameter] string $key): string
{
    return hash_hmac('sha256', $message, $key, true);
}

function sha256(string $bytes): string
{
    return hash('sha256', $bytes, true);
}

function encode(string $bytes): string
{
    return rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
}

/** The bytes of the one canonical spelling; null for any other. */
function decode(string $text): ?string
{
    $bytes = preg_match('/^[A-Za-z0-9_-]*$/D', $text) === 1 ? base64_decode(strtr($text, '-_', '+/'), true) : false;
    return $bytes !== false && encode($bytes) === $text ? $bytes : null;
}

/** The different values of one cookie, as they were sent: only `;` separates, only space and tab are trimmed. */
function values(string $header, string $name): array
{
    $found = [];
    foreach (explode(';', $header) as $pair) {
        $parts = explode('=', $pair, 2);
        if (count($parts) === 2 && trim($parts[0], " \t") === $name) {
            $found[] = trim($parts[1], " \t");
        }
    }
    return array_values(array_unique($found, SORT_STRING));
}

/** Whether the JSON is an object with an object as `data`: an array of PHP would not tell one from a list. */
function hasData(string $json): bool
{
    $record = json_decode($json);
    // A key that begins with NUL is good in a list of PHP, and in no object of it.
    return json_last_error() === JSON_ERROR_INVALID_PROPERTY_NAME || (($record->data ?? null) instanceof \stdClass);
}

function isWhole(mixed $value, int $most = 2 ** 53 - 1): bool
{
    return is_int($value) && $value >= 0 && $value <= $most;
}

function isLifetime(mixed $value): bool
{
    return is_string($value) && preg_match('/^[A-Za-z0-9._-]{1,32}$/D', $value) === 1;
}

function isTombstone(string $value): bool
{
    return strlen($value) === 20 && $value[0] === "\0";
}

function revisionIn(string $value): int
{
    $bytes = str_pad(substr($value, str_starts_with($value, "\0") ? 2 : 5, 6), 6, "\0");
    return unpack('J', "\0\0$bytes")[1];
}

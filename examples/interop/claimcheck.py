"""Reads sessions of claimcheck; writes none. See docs/interop.md.

One file for Python 3.9 and later. Besides the standard library it needs `cryptography` for AES-GCM (Debian: python3-cryptography).

    from claimcheck import Reader, memcached

    reader = Reader(os.environ['SESSION_SECRET'], [memcached('10.0.0.1:11211'), memcached('10.0.0.2:11211')])
    session = reader.read(request.headers.get('Cookie'))
    if session.status == 'found':
        user = session.data.get('userId')
"""

import base64
import hashlib
import hmac
import json
import re
import socket
import ssl
import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Union
from urllib.parse import unquote, urlsplit

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


class Unavailable(Exception):
    """Nobody can say now what the session is: answer 503, and do not treat the visitor as logged out."""


class Session(NamedTuple):
    """What a request's session is.

    status: `found`; `none` without a valid claim check; `absent` where it has expired; `gone` where it was ended by a logout or a login;
    `duplicate` where the cookies name two that live. Only a `found` one has data. Times are seconds since 1970.
    """

    status: str
    data: Dict[str, Any] = {}
    created: Optional[int] = None
    until: Optional[int] = None
    authenticated: Optional[int] = None
    lifetime: Optional[str] = None
    revision: Optional[int] = None
    ref: Optional[str] = None


Fetch = Callable[[str], Optional[bytes]]

_MAX_REVISION = 2**48 - 1
_MAX_SAFE = 2**53 - 1
_MAX_MACS = 4
_MAX_DEPTH = 34
_TOKEN = re.compile(r'([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{43})')
_RECEIPT = re.compile(r'(0|[1-9a-z][0-9a-z]{0,9})\.[A-Za-z0-9_-]{22}')
_LIFETIME = re.compile(r'[A-Za-z0-9._-]{1,32}')


class Reader:
    """Reads the sessions of one configuration: the same secrets, namespace and cookie name as on the side that writes.

    secrets: one or several, as text or bytes. stores: a function for each server, or each copy, that gives the record of a key, such as
    `memcached('host:port')` or `redis('redis://host')`; each is asked, and the newest record counts. now: seconds since 1970.
    """

    def __init__(
        self,
        secrets: Union[str, bytes, Sequence[Union[str, bytes]]],
        stores: Sequence[Fetch],
        namespace: str = 'session',
        cookie: str = '__Host-sid',
        now: Callable[[], float] = time.time,
    ):
        given = [secrets] if isinstance(secrets, (str, bytes)) else list(secrets)
        if not given or not stores:
            raise ValueError('claimcheck: at least one secret and one store are needed')
        self._keys = [_Keys(_bytes_of(secret), cookie) for secret in given]
        self._stores, self._namespace, self._cookie, self._now = list(stores), namespace, cookie, now

    def read(self, cookie_header: Optional[str]) -> Session:
        """The session that a Cookie header names. Raises Unavailable where a store does not answer."""
        claims = self._claims(cookie_header or '')
        if not claims:
            return Session('none')
        found = [self._load(claim, cookie_header or '') for claim in claims]
        living = [one for one in found if one.status == 'found']
        if living:
            return living[0] if len(living) == 1 else Session('duplicate')
        return next((one for one in found if one.status == 'gone'), found[0])

    def _claims(self, header: str) -> List['_Claim']:
        macs = _MAX_MACS
        latest: Dict[str, _Claim] = {}
        for token in _values(header, self._cookie):
            parts = _TOKEN.fullmatch(token) if len(token) <= 1024 else None
            key = parts and next((one for one in self._keys if one.header == parts[1]), None)
            if not parts or not key:
                continue
            payload, mac = _decode(parts[2]), _decode(parts[3])
            if payload is None or mac is None or macs == 0:
                continue
            macs -= 1
            if not hmac.compare_digest(mac, _mac(key.signing, token[: parts.end(2)].encode())):
                continue
            claim = _claim_of(payload, self._namespace, self._now())
            if claim and (claim.key not in latest or latest[claim.key].revision < claim.revision):
                latest[claim.key] = claim
        return list(latest.values())

    def _load(self, claim: '_Claim', header: str) -> Session:
        seen = self._revision_seen(claim, header)
        # A copy that lags, or a write on its way: look once more, then it is lost.
        for last in (False, True):
            session = self._open(claim, self._newest(claim.key, seen))
            if session.status != 'found' or session.revision >= seen:
                return session
            if last:
                return Session('absent')
        raise AssertionError

    def _revision_seen(self, claim: '_Claim', header: str) -> int:
        """The last revision that the browser was told: by the claim check, or by a receipt for the same session."""
        later = {value: int(value.split('.')[0], 36) for value in _values(header, self._cookie + '-rev') if _RECEIPT.fullmatch(value)}
        macs = _MAX_MACS
        for value, revision in sorted(later.items(), key=lambda item: -item[1]):
            if not claim.revision < revision <= _MAX_REVISION:
                continue
            for key in self._keys:
                if macs == 0:
                    return claim.revision
                macs -= 1
                text, mac = value.split('.')
                genuine = _encode(_mac(key.receipt, f'{claim.key}\0{text}'.encode())[:16])
                if hmac.compare_digest(genuine, mac):
                    return revision
        return claim.revision

    def _newest(self, key: str, seen: int) -> Optional[bytes]:
        """A tombstone beats every record, of records the later revision counts. A server that is down may hold a later one."""
        values, down = [], None
        for fetch in self._stores:
            try:
                values.append(fetch(key))
            except Exception as error:
                down = error
        present = [value for value in values if value is not None]
        best = max(present, key=lambda value: (_is_tombstone(value), _revision_in(value)), default=None)
        if down and (best is None or not _is_tombstone(best) and _revision_in(best) < seen):
            raise Unavailable('a store does not answer') from down
        return best

    def _open(self, claim: '_Claim', value: Optional[bytes]) -> Session:
        if value is None:
            return Session('absent')
        if value[:1] == b'\0':
            if len(value) > 20:
                raise Unavailable('a record of another release')
            return Session('gone' if _is_tombstone(value) else 'absent')
        # 0 format = 1 | 1-4 tag of the secret | 5-10 revision | 11 flags = 0 | 12-23 iv | ciphertext | 16 bytes of tag
        if len(value) < 40:
            return Session('absent')
        key = next((one for one in self._keys if one.tag == value[1:5]), None)
        if value[0] != 1 or value[11] != 0 or not key:
            raise Unavailable('a record of another release, or under a secret that is not configured')
        try:
            sealed = AESGCM(key.sealing(hashlib.sha256(claim.id).digest()[0]))
            record = _parse(sealed.decrypt(value[12:24], value[24:], value[:12] + claim.key.encode()))
        except (InvalidTag, ValueError, RecursionError):
            return Session('absent')
        if not _is_record(record) or record['until'] <= self._now():
            return Session('absent')
        lifetime, proof = record.get('lifetime'), record.get('authenticated')
        return Session(
            'found',
            record['data'],
            record['created'],
            record['until'],
            proof if _is_whole(proof) else None,
            lifetime if _is_lifetime(lifetime) else None,
            _revision_in(value),
            _encode(_mac(self._keys[0].ref, claim.id))[:8],
        )


class _Claim(NamedTuple):
    id: bytes
    key: str
    revision: int


class _Keys:
    """All that one secret leads to, each by HKDF-SHA-256 with an empty salt. The signing key is of one cookie name."""

    def __init__(self, secret: bytes, cookie: str):
        self._extracted = _mac(bytes(32), secret)
        self.signing = self._derive('token/' + cookie)
        self.receipt = self._derive('receipt')
        self.ref = self._derive('ref')
        self.tag = hashlib.sha256(self._derive('token')).digest()[:4]
        kid = _encode(hashlib.sha256(self.signing).digest())[:8]
        self.header = _encode(f'{{"alg":"HS256","kid":"{kid}","typ":"session+jwt"}}'.encode())

    def sealing(self, n: int) -> bytes:
        return self._derive(f'record/{n}')

    def _derive(self, purpose: str) -> bytes:
        return _mac(self._extracted, b'claimcheck/v1/' + purpose.encode() + b'\x01')


def _bytes_of(secret: Union[str, bytes]) -> bytes:
    text = secret.encode() if isinstance(secret, str) else bytes(secret)
    if len(text) < 32 or (isinstance(secret, str) and secret.strip() != secret):
        raise ValueError('claimcheck: a secret has at least 32 bytes, and no white space at its ends')
    return text


def _mac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()


def _decode(text: str) -> Optional[bytes]:
    """The bytes of the one canonical spelling; None for any other."""
    if not re.fullmatch(r'[A-Za-z0-9_-]*', text) or len(text) % 4 == 1:
        return None
    data = base64.urlsafe_b64decode(text + '=' * (-len(text) % 4))
    return data if _encode(data) == text else None


def _values(header: str, name: str) -> List[str]:
    """The different values of one cookie, as they were sent: only `;` separates, only space and tab are trimmed."""
    pairs = (pair.split('=', 1) for pair in header.split(';') if '=' in pair)
    return list(dict.fromkeys(value.strip(' \t') for key, value in pairs if key.strip(' \t') == name))


def _parse(data: bytes) -> Any:
    """JSON (RFC 8259) in strict UTF-8; ValueError for anything else."""

    def refuse(text: str) -> None:
        raise ValueError(text)

    return json.loads(data.decode(), parse_constant=refuse)


def _claim_of(payload: bytes, namespace: str, now: float) -> Optional[_Claim]:
    """The claims, only if the bytes are exactly what signing would write: no other member, order, spelling or number."""
    try:
        given = _parse(payload)
        names = ('sid', 'rev', 'iat', 'exp', 'aud', 'sub', 'lifetime')
        claims = {name: given[name] for name in names if name in given}
        if json.dumps(claims, separators=(',', ':'), ensure_ascii=False).encode() != payload:
            return None
        sid, revision, issued, ends = (claims[name] for name in names[:4])
        good = _is_whole(revision, _MAX_REVISION) and _is_whole(issued) and _is_whole(ends) and claims['aud'] == namespace
        good = good and isinstance(claims.get('sub', ''), str) and _is_lifetime(claims.get('lifetime', 'default'))
        own = _decode(sid) if isinstance(sid, str) else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not good or own is None or len(own) != 32 or issued > now + 60 or ends <= now:
        return None
    return _Claim(own, f'{namespace}:{_encode(hashlib.sha256(own).digest())}', revision)


def _is_whole(value: Any, most: int = _MAX_SAFE) -> bool:
    return type(value) is int and 0 <= value <= most


def _is_lifetime(value: Any) -> bool:
    return isinstance(value, str) and _LIFETIME.fullmatch(value) is not None


def _is_record(record: Any) -> bool:
    if not isinstance(record, dict) or not isinstance(record.get('data'), dict) or not _is_shallow(record, _MAX_DEPTH):
        return False
    return _is_whole(record.get('created')) and _is_whole(record.get('until'))


def _is_shallow(value: Any, depth: int) -> bool:
    if not isinstance(value, (dict, list)):
        return True
    members = value.values() if isinstance(value, dict) else value
    return depth > 0 and all(_is_shallow(member, depth - 1) for member in members)


def _is_tombstone(value: bytes) -> bool:
    return value[:1] == b'\0' and len(value) == 20


def _revision_in(value: bytes) -> int:
    at = 2 if value[:1] == b'\0' else 5
    return int.from_bytes(value[at : at + 6].ljust(6, b'\0'), 'big')


def memcached(address: str, timeout: float = 0.25, context: Optional[ssl.SSLContext] = None) -> Fetch:
    """Asks one memcached, by a connection for each read; `context` for TLS."""
    host, _, port = address.rpartition(':') if re.search(r':\d+$', address) else (address, '', '11211')

    def fetch(key: str) -> Optional[bytes]:
        with _connect(host.strip('[]'), int(port), timeout, context) as stream:
            stream.write(f'get {key}\r\n'.encode())
            stream.flush()
            words = _line(stream).split(b' ')
            if words == [b'END']:
                return None
            if words[0] != b'VALUE' or words[1] != key.encode():
                raise OSError('not an answer to get')
            return _exactly(stream, int(words[3]))

    return fetch


def redis(url: str, timeout: float = 0.25, context: Optional[ssl.SSLContext] = None) -> Fetch:
    """Asks one redis, `redis://[user:password@]host[:port][/database]` or rediss://, by a connection for each read."""
    to = urlsplit(url)
    if to.scheme not in ('redis', 'rediss') or not to.hostname:
        raise ValueError('claimcheck: a url of redis begins with redis:// or rediss://')
    secure = (context or ssl.create_default_context()) if to.scheme == 'rediss' else None
    login = [unquote(to.username)] if to.username else []

    def fetch(key: str) -> Optional[bytes]:
        with _connect(to.hostname, to.port or 6379, timeout, secure) as stream:
            if to.password:
                _ask(stream, 'AUTH', *login, unquote(to.password))
            if to.path.strip('/'):
                _ask(stream, 'SELECT', to.path.strip('/'))
            text = _ask(stream, 'GET', key)
        if text is None:
            return None
        # Kept as base64url; what is none is nobody's record.
        return _decode(text.decode('latin-1')) or b'?'

    return fetch


def _ask(stream: Any, *words: str) -> Optional[bytes]:
    sent = [word.encode() for word in words]
    stream.write(b'*%d\r\n' % len(sent) + b''.join(b'$%d\r\n%s\r\n' % (len(word), word) for word in sent))
    stream.flush()
    line = _line(stream)
    if line[:1] == b'+':
        return line[1:]
    if line[:1] != b'$':
        raise OSError('refused by redis')
    return None if line == b'$-1' else _exactly(stream, int(line[1:]))


def _connect(host: str, port: int, timeout: float, context: Optional[ssl.SSLContext]) -> Any:
    plain = socket.create_connection((host, port), timeout)
    try:
        connection = context.wrap_socket(plain, server_hostname=host) if context else plain
        stream = connection.makefile('rwb')
    except BaseException:
        plain.close()
        raise
    # Closed with the stream that was made of it.
    connection.close()
    return stream


def _line(stream: Any) -> bytes:
    line = stream.readline(1024)
    if not line.endswith(b'\r\n'):
        raise OSError('the connection broke')
    return line[:-2]


def _exactly(stream: Any, length: int) -> bytes:
    if not 0 <= length <= 2**24:
        raise OSError('too long')
    data = stream.read(length)
    if len(data) != length:
        raise OSError('the connection broke')
    return data

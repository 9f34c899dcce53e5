"""WeChat's encrypted callbacks (reference: reliability, section 3.1): AES-256-CBC around an XML document.

Plain text: 16 random bytes, the length in four bytes, the document, the app id; filled up to blocks of 32 bytes.
"""

from __future__ import annotations

import base64
import binascii
import secrets

from tui_inbox.channels.port import PayloadError

BLOCK = 32
RANDOM = 16
KEY_CHARACTERS = 43
"""Length of an EncodingAESKey."""


def key_of(encoding_aes_key: str) -> bytes:
    """The AES key. Raises ``ValueError`` when it is none."""
    if len(encoding_aes_key) != KEY_CHARACTERS:
        raise ValueError("wrong length")
    return base64.b64decode(encoding_aes_key + "=", validate=True)


def decrypt(key: bytes, cipher_text: str, app_id: str) -> bytes:
    """The document in ``cipher_text``. Raises :class:`PayloadError` when it is not one for ``app_id``."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # takes time to load

    try:
        raw = base64.b64decode(cipher_text, validate=True)
        # The vector is fixed by WeChat: the first half of the key.
        decryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
        padded = decryptor.update(raw) + decryptor.finalize()
    except (binascii.Error, ValueError):
        raise PayloadError("the body cannot be decrypted") from None
    pad = padded[-1] if padded else 0
    if not 1 <= pad <= BLOCK or padded[-pad:] != bytes([pad]) * pad:
        raise PayloadError("the body cannot be decrypted with this EncodingAESKey")
    plain = padded[RANDOM:-pad]
    length = int.from_bytes(plain[:4], "big")
    document, owner = plain[4 : 4 + length], plain[4 + length :]
    if len(document) != length or owner != app_id.encode():
        raise PayloadError("the body is for another app id")
    return document


def encrypt(key: bytes, document: bytes, app_id: str) -> str:
    """What :func:`decrypt` reads."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    plain = secrets.token_bytes(RANDOM) + len(document).to_bytes(4, "big") + document + app_id.encode()
    pad = BLOCK - len(plain) % BLOCK
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(encryptor.update(plain + bytes([pad]) * pad) + encryptor.finalize()).decode()

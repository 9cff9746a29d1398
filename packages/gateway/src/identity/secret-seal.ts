import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Tells what a sealed text was written by, should there ever be another way. */
const MARK = 'v1.';

/** A sealed text that was not sealed by this secret, or not for this record, or was changed. */
export class SealError extends Error {
  override name = 'SealError';
}

/**
 * Encrypts what must be read again, such as credentials of providers, under a key that follows from the server's secret.
 *
 * @see https://www.rfc-editor.org/rfc/rfc5869 (HKDF)
 * @see https://nvlpubs.nist.gov/nistpubs/Legacy/SP/nistspecialpublication800-38d.pdf (GCM; random nonces of 96 bits)
 */
export class SecretSeal {
  readonly #key: Buffer;

  /** @param secret At least 32 characters of chance. @param purpose Another for each use: what one seals no other opens. */
  constructor(secret: string, purpose: string) {
    this.#key = Buffer.from(hkdfSync('sha256', secret, '', `turnpike ${purpose}`, 32));
  }

  /** @param about What the text belongs to; it opens only with the same. */
  seal(text: string, about: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.#key, nonce, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(about));
    const sealed = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return MARK + sealed.toString('base64url');
  }

  /** @throws SealError */
  open(sealed: string, about: string): string {
    const bytes = Buffer.from(sealed.startsWith(MARK) ? sealed.slice(MARK.length) : '', 'base64url');
    if (bytes.length < NONCE_BYTES + TAG_BYTES) throw new SealError('This is no sealed text.');
    const nonce = bytes.subarray(0, NONCE_BYTES);
    const text = bytes.subarray(NONCE_BYTES, -TAG_BYTES);
    const cipher = createDecipheriv(CIPHER, this.#key, nonce, { authTagLength: TAG_BYTES })
      .setAAD(Buffer.from(about))
      .setAuthTag(bytes.subarray(-TAG_BYTES));
    try {
      return Buffer.concat([cipher.update(text), cipher.final()]).toString('utf8');
    } catch (error) {
      throw new SealError('It was sealed by another secret, for something else, or was changed.', { cause: error });
    }
  }
}

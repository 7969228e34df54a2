/**
 * How much of a request is read.
 *
 * @spec 06-relay §2
 * Owns: the limit on bodies, announced or not, before anything looks into them. Must not know: what they are.
 * (Hono's own middleware builds a second `Request`, which the Node adapter's cannot be the source of.)
 */
import type { MiddlewareHandler } from 'hono';
import { MAX_BODY_BYTES } from './limits.ts';
import { RelayRefusal } from './refusal.ts';

function tooLarge(): RelayRefusal {
  // @req RLY-01
  return new RelayRefusal(413, 'InvalidMessage', 'body-too-large');
}

async function readLimited(stream: ReadableStream<Uint8Array>): Promise<ArrayBuffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) throw tooLarge();
    chunks.push(chunk);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole.buffer;
}

/** Refuses a body that is announced as too long, and reads one of unknown length only so far. */
export const limitBody: MiddlewareHandler = async (c, next) => {
  const announced = c.req.header('content-length');
  if (announced !== undefined && c.req.header('transfer-encoding') === undefined) {
    if (!(Number(announced) <= MAX_BODY_BYTES)) throw tooLarge();
  } else if (c.req.raw.body !== null) {
    // Where Hono keeps a body that was read; it expects a promise there.
    Object.assign(c.req.bodyCache, { arrayBuffer: Promise.resolve(await readLimited(c.req.raw.body)) });
  }
  await next();
};

/** AWS Signature Version 4 for all doors: whole requests, presigned queries, chunks and trailers. */
export {
  type Authenticated,
  type Authentication,
  type AuthenticationDeps,
  authenticate,
  type SignedRequest,
  signatureEquals,
} from './authenticate.ts';
export { type HeaderValues, parseQuery, uriDecode } from './canonical.ts';
export { type ChunkSeed, chunkSignature, trailerSignature } from './chunk-signature.ts';
export { type HmacKey, hmacSha256 as signText, sha256Hex } from './hmac.ts';
export { signS3Request, type UnsignedRequest } from './sign.ts';
export { createSigningKeys, type SigningKeys } from './signing-keys.ts';

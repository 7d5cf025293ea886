import { constants, createCipheriv, createPublicKey, publicEncrypt, randomBytes } from 'node:crypto';
import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  CreateGrantCommand,
  CreateKeyCommand,
  DecryptCommand,
  DeleteImportedKeyMaterialCommand,
  DeriveSharedSecretCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  EnableKeyRotationCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyPairCommand,
  GenerateMacCommand,
  GenerateRandomCommand,
  GetKeyRotationStatusCommand,
  GetParametersForImportCommand,
  GetPublicKeyCommand,
  ImportKeyMaterialCommand,
  KMSClient,
  type KeySpec,
  type KeyUsageType,
  ListAliasesCommand,
  ListGrantsCommand,
  ListKeyRotationsCommand,
  ListKeysCommand,
  ListResourceTagsCommand,
  ListRetirableGrantsCommand,
  PutKeyPolicyCommand,
  ReEncryptCommand,
  RetireGrantCommand,
  RevokeGrantCommand,
  RotateKeyOnDemandCommand,
  ScheduleKeyDeletionCommand,
  SignCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateAliasCommand,
  VerifyCommand,
  VerifyMacCommand,
} from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixedClock, systemClock } from '../../../core/clock.ts';
import {
  type GovernedAwsDoor,
  openGovernedAwsDoor,
  type SigningKey,
} from '../../../testing/builders/governed-aws-door.ts';
import { kmsService } from './service.ts';

const ACCOUNT = '111122223333';
const DAY = 86_400_000;
const clock = fixedClock(Date.now());
let door: GovernedAwsDoor;
let root: KMSClient;
const clients: KMSClient[] = [];

const clientOf = (credentials: SigningKey): KMSClient => {
  const client = new KMSClient({ endpoint: door.endpoint, region: 'us-east-1', credentials, maxAttempts: 1 });
  clients.push(client);
  return client;
};

beforeAll(async () => {
  door = await openGovernedAwsDoor({
    accountId: ACCOUNT,
    clock,
    signatureClock: systemClock,
    open: async ({ governance }) => ({
      services: [kmsService(governance.keys)],
      directory: {
        tableColumns: async () => undefined,
        databaseExists: async () => false,
        tableAt: async () => undefined,
      },
      close: async () => {},
    }),
  });
  root = clientOf(door.rootKey);
});

afterAll(async () => {
  for (const client of clients) client.destroy();
  await door.close();
});

async function user(name: string, ...statements: object[]) {
  const { identity } = door.governance;
  await identity.createEntity(door.rootContext(), 'user', { name });
  if (statements.length > 0) {
    const document = JSON.stringify({ Version: '2012-10-17', Statement: statements });
    await identity.putInlinePolicy(door.rootContext(), { kind: 'user', name }, 'inline', document);
  }
  const key = await identity.createAccessKey(door.rootContext(), name);
  const client = clientOf({ accessKeyId: key.accessKeyId, secretAccessKey: key.secret.reveal() });
  return { client, arn: `arn:aws:iam::${ACCOUNT}:user/${name}` };
}

async function newKey(spec?: KeySpec, usage?: KeyUsageType, more: object = {}) {
  const made = await root.send(new CreateKeyCommand({ KeySpec: spec, KeyUsage: usage, ...more }));
  return { id: made.KeyMetadata!.KeyId!, arn: made.KeyMetadata!.Arn! };
}

const text = (value: string) => new TextEncoder().encode(value);
const named = (name: string) => expect.objectContaining({ name });

describe('symmetric keys', () => {
  it('encrypt and decrypt, whichever of id, ARN, alias and alias ARN names the key', async () => {
    const { id, arn } = await newKey();
    await root.send(new CreateAliasCommand({ AliasName: 'alias/four-names', TargetKeyId: id }));
    for (const name of [id, arn, 'alias/four-names', `arn:aws:kms:us-east-1:${ACCOUNT}:alias/four-names`]) {
      const made = await root.send(new EncryptCommand({ KeyId: name, Plaintext: text('quiet') }));
      expect(made.KeyId).toBe(arn);
      const opened = await root.send(new DecryptCommand({ CiphertextBlob: made.CiphertextBlob, KeyId: name }));
      expect(Buffer.from(opened.Plaintext!).toString()).toBe('quiet');
    }
  });

  it('open a ciphertext only with the context of its encryption, in any order of names', async () => {
    const { id } = await newKey();
    const { CiphertextBlob } = await root.send(
      new EncryptCommand({ KeyId: id, Plaintext: text('x'), EncryptionContext: { tenant: 'north', table: 'a' } }),
    );
    const open = (EncryptionContext?: Record<string, string>) =>
      root.send(new DecryptCommand({ CiphertextBlob, EncryptionContext }));
    await expect(open({ table: 'a', tenant: 'north' })).resolves.toBeDefined();
    for (const other of [
      undefined,
      { tenant: 'north' },
      { tenant: 'north', table: 'b' },
      { tenant: 'norta', tabl: 'eab' },
    ]) {
      await expect(open(other)).rejects.toEqual(named('InvalidCiphertextException'));
    }
  });

  it('refuse every ciphertext in which one byte was changed', async () => {
    const { id } = await newKey();
    const { CiphertextBlob } = await root.send(new EncryptCommand({ KeyId: id, Plaintext: text('abc') }));
    for (let at = 17; at < CiphertextBlob!.length; at += 5) {
      const changed = Uint8Array.from(CiphertextBlob!);
      changed[at]! ^= 1;
      await expect(root.send(new DecryptCommand({ CiphertextBlob: changed }))).rejects.toEqual(
        named('InvalidCiphertextException'),
      );
    }
  });

  it('never give the same ciphertext twice', async () => {
    const { id } = await newKey();
    const seen = new Set<string>();
    for (let i = 0; i < 50; i++) {
      const { CiphertextBlob } = await root.send(new EncryptCommand({ KeyId: id, Plaintext: text('same') }));
      seen.add(Buffer.from(CiphertextBlob!).toString('hex', 49, 77)); // salt and nonce
    }
    expect(seen.size).toBe(50);
  });

  it('take 1 to 4096 bytes', async () => {
    const { id } = await newKey();
    const encrypt = (bytes: number) => root.send(new EncryptCommand({ KeyId: id, Plaintext: Buffer.alloc(bytes, 1) }));
    await expect(encrypt(4096)).resolves.toBeDefined();
    await expect(encrypt(4097)).rejects.toEqual(named('ValidationException'));
  });

  it('say which key is wrong, which is missing and which name is no name', async () => {
    const [one, other] = [await newKey(), await newKey()];
    const { CiphertextBlob } = await root.send(new EncryptCommand({ KeyId: one.id, Plaintext: text('x') }));
    await expect(root.send(new DecryptCommand({ CiphertextBlob, KeyId: other.id }))).rejects.toEqual(
      named('IncorrectKeyException'),
    );
    const describe = (KeyId: string) => root.send(new DescribeKeyCommand({ KeyId }));
    await expect(describe('00000000-0000-4000-8000-000000000000')).rejects.toEqual(named('NotFoundException'));
    await expect(describe('alias/nobody')).rejects.toEqual(named('NotFoundException'));
    await expect(describe('arn:aws:s3:::bucket')).rejects.toEqual(named('InvalidArnException'));
  });

  it('make data keys that decrypt to what was given, and re-encrypt without showing it', async () => {
    const [one, other] = [await newKey(), await newKey()];
    const made = await root.send(new GenerateDataKeyCommand({ KeyId: one.id, KeySpec: 'AES_256' }));
    expect(made.Plaintext).toHaveLength(32);
    const moved = await root.send(
      new ReEncryptCommand({
        CiphertextBlob: made.CiphertextBlob,
        DestinationKeyId: other.id,
        DestinationEncryptionContext: { moved: 'yes' },
      }),
    );
    expect(moved).toMatchObject({ SourceKeyId: one.arn, KeyId: other.arn });
    const opened = await root.send(
      new DecryptCommand({ CiphertextBlob: moved.CiphertextBlob, EncryptionContext: { moved: 'yes' } }),
    );
    expect(opened.KeyId).toBe(other.arn);
    expect(Buffer.from(opened.Plaintext!)).toEqual(Buffer.from(made.Plaintext!));
    const pair = await root.send(new GenerateDataKeyPairCommand({ KeyId: one.id, KeyPairSpec: 'ECC_NIST_P256' }));
    const half = await root.send(new DecryptCommand({ CiphertextBlob: pair.PrivateKeyCiphertextBlob }));
    expect(Buffer.from(half.Plaintext!)).toEqual(Buffer.from(pair.PrivateKeyPlaintext!));
    expect(createPublicKey({ key: Buffer.from(pair.PublicKey!), format: 'der', type: 'spki' }).asymmetricKeyType).toBe(
      'ec',
    );
    const random = await root.send(new GenerateRandomCommand({ NumberOfBytes: 64 }));
    expect(random.Plaintext).toHaveLength(64);
  });

  it('only tell whether it would work when asked to', async () => {
    const { id } = await newKey();
    const dry = (client: KMSClient) =>
      client.send(new EncryptCommand({ KeyId: id, Plaintext: text('x'), DryRun: true }));
    await expect(dry(root)).rejects.toEqual(named('DryRunOperationException'));
    const nobody = await user('dry-nobody');
    await expect(dry(nobody.client)).rejects.toEqual(named('AccessDeniedException'));
  });
});

describe('the life of a key', () => {
  it('stops and starts with its state, and comes back from its deletion disabled', async () => {
    const { id } = await newKey();
    const { CiphertextBlob } = await root.send(new EncryptCommand({ KeyId: id, Plaintext: text('x') }));
    const open = () => root.send(new DecryptCommand({ CiphertextBlob }));
    await root.send(new DisableKeyCommand({ KeyId: id }));
    await expect(open()).rejects.toEqual(named('DisabledException'));
    await root.send(new EnableKeyCommand({ KeyId: id }));
    await open();
    const waiting = await root.send(new ScheduleKeyDeletionCommand({ KeyId: id, PendingWindowInDays: 7 }));
    expect(waiting.DeletionDate!.getTime()).toBeCloseTo(clock.now() + 7 * DAY, -4);
    await expect(open()).rejects.toEqual(named('KMSInvalidStateException'));
    await expect(root.send(new EnableKeyCommand({ KeyId: id }))).rejects.toEqual(named('KMSInvalidStateException'));
    await root.send(new CancelKeyDeletionCommand({ KeyId: id }));
    const { KeyMetadata } = await root.send(new DescribeKeyCommand({ KeyId: id }));
    expect(KeyMetadata).toMatchObject({ KeyState: 'Disabled', Enabled: false });
    await root.send(new EnableKeyCommand({ KeyId: id }));
    await open();
  });

  it('ends when its waiting time is over: nothing it encrypted opens again, and its aliases are free', async () => {
    const { id } = await newKey();
    await root.send(new CreateAliasCommand({ AliasName: 'alias/mortal', TargetKeyId: id }));
    const { CiphertextBlob } = await root.send(new EncryptCommand({ KeyId: id, Plaintext: text('x') }));
    await expect(root.send(new ScheduleKeyDeletionCommand({ KeyId: id, PendingWindowInDays: 6 }))).rejects.toEqual(
      named('ValidationException'),
    );
    await root.send(new ScheduleKeyDeletionCommand({ KeyId: id, PendingWindowInDays: 7 }));
    clock.advance(7 * DAY + 1);
    await expect(root.send(new CancelKeyDeletionCommand({ KeyId: id }))).rejects.toEqual(named('NotFoundException'));
    await door.governance.tickKeys();
    await expect(root.send(new DecryptCommand({ CiphertextBlob }))).rejects.toEqual(
      named('InvalidCiphertextException'),
    );
    const other = await newKey();
    await root.send(new CreateAliasCommand({ AliasName: 'alias/mortal', TargetKeyId: other.id }));
  });

  it('is listed page by page, with aliases and tags', async () => {
    const { id } = await newKey(undefined, undefined, { Tags: [{ TagKey: 'team', TagValue: 'north' }] });
    const first = await root.send(new ListKeysCommand({ Limit: 1 }));
    expect(first.Truncated).toBe(true);
    const next = await root.send(new ListKeysCommand({ Limit: 1000, Marker: first.NextMarker }));
    const ids = [...first.Keys!, ...next.Keys!].map((key) => key.KeyId);
    expect(ids).toContain(id);
    expect(new Set(ids).size).toBe(ids.length);
    await expect(root.send(new ListKeysCommand({ Marker: '!' }))).rejects.toEqual(named('InvalidMarkerException'));
    await root.send(new CreateAliasCommand({ AliasName: 'alias/listed', TargetKeyId: id }));
    await expect(root.send(new CreateAliasCommand({ AliasName: 'alias/listed', TargetKeyId: id }))).rejects.toEqual(
      named('AlreadyExistsException'),
    );
    await expect(root.send(new CreateAliasCommand({ AliasName: 'alias/aws/own', TargetKeyId: id }))).rejects.toEqual(
      named('InvalidAliasNameException'),
    );
    const other = await newKey();
    await root.send(new UpdateAliasCommand({ AliasName: 'alias/listed', TargetKeyId: other.id }));
    const aliases = await root.send(new ListAliasesCommand({ KeyId: other.id }));
    expect(aliases.Aliases).toEqual([expect.objectContaining({ AliasName: 'alias/listed', TargetKeyId: other.id })]);
    await root.send(new TagResourceCommand({ KeyId: id, Tags: [{ TagKey: 'cost', TagValue: '7' }] }));
    await root.send(new UntagResourceCommand({ KeyId: id, TagKeys: ['team'] }));
    const tags = await root.send(new ListResourceTagsCommand({ KeyId: id }));
    expect(tags.Tags).toEqual([{ TagKey: 'cost', TagValue: '7' }]);
  });
});

describe('key pairs and MACs', () => {
  it.each<[KeySpec, string]>([
    ['RSA_2048', 'RSASSA_PSS_SHA_256'],
    ['RSA_2048', 'RSASSA_PKCS1_V1_5_SHA_512'],
    ['ECC_NIST_P256', 'ECDSA_SHA_256'],
    ['ECC_NIST_P384', 'ECDSA_SHA_384'],
    ['ECC_NIST_P521', 'ECDSA_SHA_512'],
    ['ECC_SECG_P256K1', 'ECDSA_SHA_256'],
    ['ECC_NIST_EDWARDS25519', 'ED25519_SHA_512'],
  ])('%s signs by %s, and refuses another message', async (spec, algorithm) => {
    const { id } = await newKey(spec, 'SIGN_VERIFY');
    const SigningAlgorithm = algorithm as 'ECDSA_SHA_256';
    const { Signature } = await root.send(new SignCommand({ KeyId: id, Message: text('deed'), SigningAlgorithm }));
    const verify = (message: string) =>
      root.send(new VerifyCommand({ KeyId: id, Message: text(message), Signature, SigningAlgorithm }));
    expect((await verify('deed')).SignatureValid).toBe(true);
    await expect(verify('dead')).rejects.toEqual(named('KMSInvalidSignatureException'));
    await expect(root.send(new EncryptCommand({ KeyId: id, Plaintext: text('x') }))).rejects.toEqual(
      named('InvalidKeyUsageException'),
    );
  });

  it('sign a digest as they sign the message', async () => {
    const { id } = await newKey('RSA_2048', 'SIGN_VERIFY');
    const SigningAlgorithm = 'RSASSA_PKCS1_V1_5_SHA_256';
    const digest = await crypto.subtle.digest('SHA-256', text('deed'));
    const whole = await root.send(new SignCommand({ KeyId: id, Message: text('deed'), SigningAlgorithm }));
    const short = await root.send(
      new SignCommand({ KeyId: id, Message: new Uint8Array(digest), MessageType: 'DIGEST', SigningAlgorithm }),
    );
    expect(Buffer.from(short.Signature!)).toEqual(Buffer.from(whole.Signature!));
    await root.send(
      new VerifyCommand({
        KeyId: id,
        Message: new Uint8Array(digest),
        MessageType: 'DIGEST',
        Signature: whole.Signature,
        SigningAlgorithm,
      }),
    );
  });

  it('encrypt by RSA-OAEP what the public key encrypted elsewhere', async () => {
    const { id } = await newKey('RSA_2048', 'ENCRYPT_DECRYPT');
    const { PublicKey } = await root.send(new GetPublicKeyCommand({ KeyId: id }));
    const key = createPublicKey({ key: Buffer.from(PublicKey!), format: 'der', type: 'spki' });
    const CiphertextBlob = publicEncrypt(
      { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' },
      text('elsewhere'),
    );
    const opened = await root.send(
      new DecryptCommand({ KeyId: id, CiphertextBlob, EncryptionAlgorithm: 'RSAES_OAEP_SHA_256' }),
    );
    expect(Buffer.from(opened.Plaintext!).toString()).toBe('elsewhere');
  });

  it('agree on the same secret from both sides', async () => {
    const [a, b] = [await newKey('ECC_NIST_P256', 'KEY_AGREEMENT'), await newKey('ECC_NIST_P256', 'KEY_AGREEMENT')];
    const secret = async (own: string, other: string) => {
      const { PublicKey } = await root.send(new GetPublicKeyCommand({ KeyId: other }));
      const input = { KeyId: own, PublicKey, KeyAgreementAlgorithm: 'ECDH' } as const;
      return Buffer.from((await root.send(new DeriveSharedSecretCommand(input))).SharedSecret!);
    };
    expect(await secret(a.id, b.id)).toEqual(await secret(b.id, a.id));
  });

  it('make and verify MACs', async () => {
    const { id } = await newKey('HMAC_256', 'GENERATE_VERIFY_MAC');
    const MacAlgorithm = 'HMAC_SHA_256';
    const { Mac } = await root.send(new GenerateMacCommand({ KeyId: id, Message: text('m'), MacAlgorithm }));
    const verify = (message: string) =>
      root.send(new VerifyMacCommand({ KeyId: id, Message: text(message), Mac, MacAlgorithm }));
    expect((await verify('m')).MacValid).toBe(true);
    await expect(verify('n')).rejects.toEqual(named('KMSInvalidMacException'));
  });

  it('are refused for what they are not for', async () => {
    const create = (KeySpec: KeySpec, KeyUsage?: KeyUsageType) =>
      root.send(new CreateKeyCommand({ KeySpec, KeyUsage }));
    await expect(create('HMAC_256', 'SIGN_VERIFY')).rejects.toEqual(named('ValidationException'));
    await expect(create('RSA_2048')).rejects.toEqual(named('ValidationException'));
    await expect(create('ML_DSA_44', 'SIGN_VERIFY')).rejects.toEqual(named('UnsupportedOperationException'));
  });
});

describe('who may use a key', () => {
  const everything = { Effect: 'Allow', Action: 'kms:*', Resource: '*' };

  it('needs the key policy and IAM together: the account is trusted by default, and a policy can withdraw that', async () => {
    const { id, arn } = await newKey();
    const [allowed, nobody] = [await user('kms-all', everything), await user('kms-none')];
    const encrypt = (client: KMSClient) => client.send(new EncryptCommand({ KeyId: id, Plaintext: text('x') }));
    await encrypt(allowed.client);
    await expect(encrypt(nobody.client)).rejects.toEqual(named('AccessDeniedException'));
    const policy = (...Statement: object[]) => JSON.stringify({ Version: '2012-10-17', Statement });
    const admin = {
      Sid: 'admin',
      Effect: 'Allow',
      Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` },
      Action: ['kms:Put*', 'kms:Get*', 'kms:Describe*', 'kms:Schedule*'],
      Resource: '*',
    };
    const direct = { Effect: 'Allow', Principal: { AWS: nobody.arn }, Action: 'kms:Encrypt', Resource: '*' };
    await root.send(new PutKeyPolicyCommand({ KeyId: id, Policy: policy(admin, direct) }));
    await encrypt(nobody.client);
    await expect(encrypt(allowed.client)).rejects.toEqual(named('AccessDeniedException'));
    // Whoever administers the key does not read what it encrypted, not even root.
    await expect(encrypt(root)).rejects.toEqual(named('AccessDeniedException'));
    const deny = { Effect: 'Deny', Principal: '*', Action: 'kms:Encrypt', Resource: arn };
    await root.send(new PutKeyPolicyCommand({ KeyId: id, Policy: policy(admin, direct, deny) }));
    await expect(encrypt(nobody.client)).rejects.toEqual(named('AccessDeniedException'));
  });

  it('refuses a policy that locks its author out, unless he says he means it', async () => {
    const { id } = await newKey();
    const Policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${ACCOUNT}:user/gone` }, Action: 'kms:*', Resource: '*' },
      ],
    });
    await expect(root.send(new PutKeyPolicyCommand({ KeyId: id, Policy }))).rejects.toEqual(
      named('MalformedPolicyDocumentException'),
    );
    await root.send(new PutKeyPolicyCommand({ KeyId: id, Policy, BypassPolicyLockoutSafetyCheck: true }));
    await expect(root.send(new DescribeKeyCommand({ KeyId: id }))).rejects.toEqual(named('AccessDeniedException'));
    const long = JSON.stringify({ Version: '2012-10-17', Id: 'x'.repeat(33_000), Statement: [] });
    await expect(root.send(new CreateKeyCommand({ Policy: long }))).rejects.toEqual(named('LimitExceededException'));
    await expect(root.send(new CreateKeyCommand({ Policy: '{' }))).rejects.toEqual(
      named('MalformedPolicyDocumentException'),
    );
  });

  it('sees the encryption context in conditions', async () => {
    const { id } = await newKey();
    const tenant = await user('tenant-north', {
      ...everything,
      Condition: { StringEquals: { 'kms:EncryptionContext:tenant': 'north' } },
    });
    const encrypt = (EncryptionContext?: Record<string, string>) =>
      tenant.client.send(new EncryptCommand({ KeyId: id, Plaintext: text('x'), EncryptionContext }));
    await encrypt({ tenant: 'north' });
    await expect(encrypt({ tenant: 'south' })).rejects.toEqual(named('AccessDeniedException'));
    await expect(encrypt()).rejects.toEqual(named('AccessDeniedException'));
  });

  it('is widened by grants, within their constraints, until they are revoked or retired', async () => {
    const { id } = await newKey();
    const [grantee, retirer] = [await user('grantee'), await user('retirer')];
    const encrypt = (EncryptionContext: Record<string, string>) =>
      grantee.client.send(new EncryptCommand({ KeyId: id, Plaintext: text('x'), EncryptionContext }));
    await expect(encrypt({ a: '1' })).rejects.toEqual(named('AccessDeniedException'));
    const input = {
      KeyId: id,
      GranteePrincipal: grantee.arn,
      RetiringPrincipal: retirer.arn,
      Operations: ['Encrypt' as const],
      Constraints: { EncryptionContextSubset: { a: '1' } },
      Name: 'once',
    };
    const grant = await root.send(new CreateGrantCommand(input));
    expect((await root.send(new CreateGrantCommand(input))).GrantId).toBe(grant.GrantId);
    await encrypt({ a: '1', b: '2' });
    await expect(encrypt({ a: '2' })).rejects.toEqual(named('AccessDeniedException'));
    const listed = await root.send(new ListGrantsCommand({ KeyId: id }));
    expect(listed.Grants).toEqual([expect.objectContaining({ GrantId: grant.GrantId, Operations: ['Encrypt'] })]);
    const mine = await retirer.client.send(new ListRetirableGrantsCommand({ RetiringPrincipal: retirer.arn }));
    expect(mine.Grants).toHaveLength(1);
    await expect(grantee.client.send(new RetireGrantCommand({ GrantToken: grant.GrantToken }))).rejects.toEqual(
      named('AccessDeniedException'),
    );
    await retirer.client.send(new RetireGrantCommand({ GrantToken: grant.GrantToken }));
    await expect(encrypt({ a: '1' })).rejects.toEqual(named('AccessDeniedException'));
    const second = await root.send(new CreateGrantCommand({ ...input, Name: undefined, Constraints: undefined }));
    await encrypt({ any: 'thing' });
    await root.send(new RevokeGrantCommand({ KeyId: id, GrantId: second.GrantId }));
    await expect(encrypt({ any: 'thing' })).rejects.toEqual(named('AccessDeniedException'));
    await expect(root.send(new RevokeGrantCommand({ KeyId: id, GrantId: second.GrantId }))).rejects.toEqual(
      named('InvalidGrantIdException'),
    );
  });

  it('is on record: every use with its key and context, never with what was encrypted', async () => {
    const { id, arn } = await newKey();
    await root.send(
      new EncryptCommand({ KeyId: id, Plaintext: text('hush-hush'), EncryptionContext: { why: 'audit' } }),
    );
    const { events } = await door.governance.trail.lookupEvents(door.rootContext(), {
      attributes: [{ key: 'ResourceName', value: arn }],
    });
    const use = events.find((event) => event.eventName === 'Encrypt')!;
    expect(use.eventSource).toBe('kms.amazonaws.com');
    expect(use.body).toContain('"why":"audit"');
    expect(use.body).not.toContain('hush');
    expect(use.body).not.toContain(Buffer.from('hush-hush').toString('base64'));
  });
});

describe('rotation', () => {
  it('takes new material for new uses and still opens what the old encrypted', async () => {
    const { id, arn } = await newKey();
    const old = await root.send(new EncryptCommand({ KeyId: id, Plaintext: text('old') }));
    await root.send(new RotateKeyOnDemandCommand({ KeyId: id }));
    const fresh = await root.send(new EncryptCommand({ KeyId: id, Plaintext: text('new') }));
    const material = async (CiphertextBlob: Uint8Array | undefined) =>
      (await root.send(new DecryptCommand({ CiphertextBlob }))).KeyMaterialId;
    expect(await material(old.CiphertextBlob)).not.toBe(await material(fresh.CiphertextBlob));
    await root.send(new EnableKeyRotationCommand({ KeyId: id, RotationPeriodInDays: 90 }));
    clock.advance(90 * DAY + 1);
    await door.governance.tickKeys();
    const status = await root.send(new GetKeyRotationStatusCommand({ KeyId: id }));
    expect(status).toMatchObject({ KeyId: arn, KeyRotationEnabled: true, RotationPeriodInDays: 90 });
    const { Rotations } = await root.send(new ListKeyRotationsCommand({ KeyId: id }));
    expect(Rotations!.map((rotation) => rotation.RotationType)).toEqual(['ON_DEMAND', 'AUTOMATIC']);
    const opened = await root.send(new DecryptCommand({ CiphertextBlob: old.CiphertextBlob }));
    expect(Buffer.from(opened.Plaintext!).toString()).toBe('old');
  });

  it('is refused for keys that do not rotate', async () => {
    const { id } = await newKey('HMAC_256', 'GENERATE_VERIFY_MAC');
    await expect(root.send(new EnableKeyRotationCommand({ KeyId: id }))).rejects.toEqual(
      named('UnsupportedOperationException'),
    );
    const { id: symmetric } = await newKey();
    await expect(
      root.send(new EnableKeyRotationCommand({ KeyId: symmetric, RotationPeriodInDays: 89 })),
    ).rejects.toEqual(named('ValidationException'));
  });
});

describe('imported material', () => {
  const parameters = (KeyId: string, WrappingAlgorithm: 'RSAES_OAEP_SHA_256' | 'RSA_AES_KEY_WRAP_SHA_256') =>
    root.send(new GetParametersForImportCommand({ KeyId, WrappingAlgorithm, WrappingKeySpec: 'RSA_2048' }));
  const oaep = (publicKey: Uint8Array, bytes: Uint8Array) =>
    publicEncrypt(
      {
        key: createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' }),
        padding: constants.RSA_PKCS1_OAEP_PADDING,
        oaepHash: 'sha256',
      },
      bytes,
    );
  const bring = async (
    KeyId: string,
    material: Uint8Array,
    more: object = { ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' },
  ) => {
    const { PublicKey, ImportToken } = await parameters(KeyId, 'RSAES_OAEP_SHA_256');
    const EncryptedKeyMaterial = oaep(PublicKey!, material);
    return root.send(new ImportKeyMaterialCommand({ KeyId, ImportToken, EncryptedKeyMaterial, ...more }));
  };

  it('makes a waiting key usable; deleted it waits, and only the same bytes revive it', async () => {
    const { id } = await newKey(undefined, undefined, { Origin: 'EXTERNAL' });
    const state = async () => (await root.send(new DescribeKeyCommand({ KeyId: id }))).KeyMetadata!.KeyState;
    expect(await state()).toBe('PendingImport');
    await expect(root.send(new EncryptCommand({ KeyId: id, Plaintext: text('x') }))).rejects.toEqual(
      named('KMSInvalidStateException'),
    );
    const material = randomBytes(32);
    await bring(id, material);
    expect(await state()).toBe('Enabled');
    const { CiphertextBlob } = await root.send(new EncryptCommand({ KeyId: id, Plaintext: text('mine') }));
    await root.send(new DeleteImportedKeyMaterialCommand({ KeyId: id }));
    expect(await state()).toBe('PendingImport');
    await expect(root.send(new DecryptCommand({ CiphertextBlob }))).rejects.toEqual(named('KMSInvalidStateException'));
    await expect(bring(id, randomBytes(32))).rejects.toEqual(named('IncorrectKeyMaterialException'));
    await expect(bring(id, randomBytes(16))).rejects.toEqual(named('IncorrectKeyMaterialException'));
    await bring(id, material);
    const opened = await root.send(new DecryptCommand({ CiphertextBlob }));
    expect(Buffer.from(opened.Plaintext!).toString()).toBe('mine');
  });

  it('takes AES key wrap, ends at its time, and refuses wrong wraps and tokens', async () => {
    const { id } = await newKey(undefined, undefined, { Origin: 'EXTERNAL' });
    const material = randomBytes(32);
    const { PublicKey, ImportToken } = await parameters(id, 'RSA_AES_KEY_WRAP_SHA_256');
    const ephemeral = randomBytes(32);
    const wrap = createCipheriv('id-aes256-wrap-pad', ephemeral, Buffer.from('A65959A6', 'hex'));
    const EncryptedKeyMaterial = Buffer.concat([oaep(PublicKey!, ephemeral), wrap.update(material), wrap.final()]);
    const ValidTo = new Date(clock.now() + DAY);
    const give = (changes: object = {}) =>
      root.send(new ImportKeyMaterialCommand({ KeyId: id, ImportToken, EncryptedKeyMaterial, ValidTo, ...changes }));
    const broken = Buffer.from(EncryptedKeyMaterial);
    broken[broken.length - 1]! ^= 1;
    await expect(give({ EncryptedKeyMaterial: broken })).rejects.toEqual(named('InvalidCiphertextException'));
    await expect(give({ ImportToken: randomBytes(64) })).rejects.toEqual(named('InvalidImportTokenException'));
    await give();
    await root.send(new EncryptCommand({ KeyId: id, Plaintext: text('x') }));
    clock.advance(DAY + 1);
    await expect(root.send(new EncryptCommand({ KeyId: id, Plaintext: text('x') }))).rejects.toEqual(
      named('KMSInvalidStateException'),
    );
    await expect(give({ ValidTo: new Date(clock.now() + DAY) })).rejects.toEqual(named('ExpiredImportTokenException'));
  });

  it('rotates on demand to material imported as new', async () => {
    const { id } = await newKey(undefined, undefined, { Origin: 'EXTERNAL' });
    await bring(id, randomBytes(32));
    const { CiphertextBlob } = await root.send(new EncryptCommand({ KeyId: id, Plaintext: text('first') }));
    await expect(root.send(new RotateKeyOnDemandCommand({ KeyId: id }))).rejects.toEqual(
      named('KMSInvalidStateException'),
    );
    await bring(id, randomBytes(32), {
      ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE',
      ImportType: 'NEW_KEY_MATERIAL',
    });
    await root.send(new RotateKeyOnDemandCommand({ KeyId: id }));
    const opened = await root.send(new DecryptCommand({ CiphertextBlob }));
    expect(Buffer.from(opened.Plaintext!).toString()).toBe('first');
    const now = await root.send(new EncryptCommand({ KeyId: id, Plaintext: text('second') }));
    const second = await root.send(new DecryptCommand({ CiphertextBlob: now.CiphertextBlob }));
    expect(second.KeyMaterialId).not.toBe(opened.KeyMaterialId);
  });
});

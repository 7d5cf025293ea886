import type {
  DecryptRequest,
  DeriveSharedSecretRequest,
  EncryptRequest,
  GenerateDataKeyPairRequest,
  GenerateDataKeyRequest,
  GenerateMacRequest,
  GenerateRandomRequest,
  ReEncryptRequest,
  SignRequest,
  VerifyMacRequest,
  VerifyRequest,
} from '@aws-sdk/client-kms';
import {
  type DataKey,
  type DataKeyPair,
  keyFailure,
  type Keys,
  type KeyUseOptions,
} from '../../../governance/contract.ts';
import type { RequestContext } from '../../../core/caller.ts';
import type { AwsServiceDoor } from '../service.ts';
import { algorithmMembers, refuseMembers } from './shapes.ts';

const optionsOf = (input: {
  readonly EncryptionContext?: Record<string, string> | undefined;
  readonly DryRun?: boolean | undefined;
}): KeyUseOptions => ({
  ...(input.EncryptionContext === undefined ? {} : { encryptionContext: input.EncryptionContext }),
  dryRun: input.DryRun ?? false,
});

const member = <T>(name: string, value: T | undefined) => (value === undefined ? {} : { [name]: value });

function dataKeyBytes(input: GenerateDataKeyRequest): number {
  const { KeySpec, NumberOfBytes } = input;
  if ((KeySpec === undefined) === (NumberOfBytes === undefined)) {
    throw keyFailure('ValidationException', 'Give either KeySpec (AES_256, AES_128) or NumberOfBytes.');
  }
  if (NumberOfBytes !== undefined) return NumberOfBytes;
  if (KeySpec === 'AES_256') return 32;
  if (KeySpec === 'AES_128') return 16;
  throw keyFailure('ValidationException', `KeySpec ${KeySpec} is unknown. Known: AES_256, AES_128.`);
}

const dataKeyAnswer = (key: DataKey, plain: boolean) => ({
  KeyId: key.keyArn,
  CiphertextBlob: key.ciphertext,
  ...(plain ? { Plaintext: key.plaintext } : {}),
  ...member('KeyMaterialId', key.materialId),
});

const pairAnswer = (pair: DataKeyPair, spec: string, plain: boolean) => ({
  KeyId: pair.keyArn,
  KeyPairSpec: spec,
  PublicKey: pair.publicKey,
  PrivateKeyCiphertextBlob: pair.ciphertext,
  ...(plain ? { PrivateKeyPlaintext: pair.plaintext } : {}),
  ...member('KeyMaterialId', pair.materialId),
});

/** The uses of keys. What is encrypted, signed or made is never recorded: KMS's schemas mark it as sensitive. */
export function cryptoOperations(keys: Keys): AwsServiceDoor['operations'] {
  const dataKey = async (context: RequestContext, input: GenerateDataKeyRequest, plain: boolean) => {
    refuseMembers(input, ['Recipient']);
    const options = { ...optionsOf(input), withoutPlaintext: !plain };
    return dataKeyAnswer(await keys.generateDataKey(context, input.KeyId!, dataKeyBytes(input), options), plain);
  };
  const dataKeyPair = async (context: RequestContext, input: GenerateDataKeyPairRequest, plain: boolean) => {
    refuseMembers(input, ['Recipient']);
    const spec = input.KeyPairSpec!;
    const options = { ...optionsOf(input), withoutPlaintext: !plain };
    return pairAnswer(await keys.generateDataKeyPair(context, input.KeyId!, spec, options), spec, plain);
  };
  return {
    Encrypt: {
      readOnly: true,
      async run(context, input: EncryptRequest) {
        const made = await keys.encrypt(context, input.KeyId!, input.Plaintext!, {
          ...optionsOf(input),
          ...member('algorithm', input.EncryptionAlgorithm),
        });
        return {
          KeyId: made.keyArn,
          CiphertextBlob: made.ciphertext,
          EncryptionAlgorithm: made.algorithm,
          ...member('KeyMaterialId', made.materialId),
        };
      },
    },
    Decrypt: {
      readOnly: true,
      async run(context, input: DecryptRequest) {
        refuseMembers(input, ['Recipient', 'DryRunModifiers']);
        const opened = await keys.decrypt(context, ciphertextOf(input.CiphertextBlob), {
          ...optionsOf(input),
          ...member('key', input.KeyId),
          ...member('algorithm', input.EncryptionAlgorithm),
        });
        return {
          KeyId: opened.keyArn,
          Plaintext: opened.plaintext,
          EncryptionAlgorithm: opened.algorithm,
          ...member('KeyMaterialId', opened.materialId),
        };
      },
    },
    ReEncrypt: {
      readOnly: true,
      async run(context, input: ReEncryptRequest) {
        refuseMembers(input, ['DryRunModifiers']);
        const from = {
          ...member('encryptionContext', input.SourceEncryptionContext),
          ...member('key', input.SourceKeyId),
          ...member('algorithm', input.SourceEncryptionAlgorithm),
        };
        const made = await keys.reEncrypt(context, ciphertextOf(input.CiphertextBlob), from, {
          key: input.DestinationKeyId!,
          dryRun: input.DryRun ?? false,
          ...member('encryptionContext', input.DestinationEncryptionContext),
          ...member('algorithm', input.DestinationEncryptionAlgorithm),
        });
        return {
          CiphertextBlob: made.ciphertext,
          KeyId: made.keyArn,
          SourceKeyId: made.source.keyArn,
          SourceEncryptionAlgorithm: made.source.algorithm,
          DestinationEncryptionAlgorithm: made.algorithm,
          ...member('SourceKeyMaterialId', made.source.materialId),
          ...member('DestinationKeyMaterialId', made.materialId),
        };
      },
    },
    GenerateDataKey: { readOnly: true, run: (context, input) => dataKey(context, input, true) },
    GenerateDataKeyWithoutPlaintext: { readOnly: true, run: (context, input) => dataKey(context, input, false) },
    GenerateDataKeyPair: { readOnly: true, run: (context, input) => dataKeyPair(context, input, true) },
    GenerateDataKeyPairWithoutPlaintext: {
      readOnly: true,
      run: (context, input) => dataKeyPair(context, input, false),
    },
    GenerateRandom: {
      readOnly: true,
      async run(context, input: GenerateRandomRequest) {
        refuseMembers(input, ['Recipient', 'CustomKeyStoreId']);
        return { Plaintext: await keys.generateRandom(context, input.NumberOfBytes ?? 0) };
      },
    },
    GenerateMac: {
      readOnly: true,
      async run(context, input: GenerateMacRequest) {
        const options = { ...optionsOf(input), ...member('algorithm', input.MacAlgorithm) };
        const made = await keys.generateMac(context, input.KeyId!, input.Message!, options);
        return { Mac: made.signature, MacAlgorithm: made.algorithm, KeyId: made.keyArn };
      },
    },
    VerifyMac: {
      readOnly: true,
      async run(context, input: VerifyMacRequest) {
        const options = { ...optionsOf(input), ...member('algorithm', input.MacAlgorithm) };
        const made = await keys.verifyMac(context, input.KeyId!, input.Message!, input.Mac!, options);
        return { MacValid: true, MacAlgorithm: made.algorithm, KeyId: made.keyArn };
      },
    },
    Sign: {
      readOnly: true,
      async run(context, input: SignRequest) {
        const made = await keys.sign(context, input.KeyId!, input.Message!, signOptions(input));
        return { KeyId: made.keyArn, Signature: made.signature, SigningAlgorithm: made.algorithm };
      },
      partial: 'MessageType DIGEST with RSASSA_PKCS1_V1_5 only',
    },
    Verify: {
      readOnly: true,
      async run(context, input: VerifyRequest) {
        const made = await keys.verify(context, input.KeyId!, input.Message!, input.Signature!, signOptions(input));
        return { KeyId: made.keyArn, SignatureValid: true, SigningAlgorithm: made.algorithm };
      },
      partial: 'MessageType DIGEST with RSASSA_PKCS1_V1_5 only',
    },
    GetPublicKey: {
      readOnly: true,
      async run(context, input: { KeyId: string }) {
        const { key, publicKey } = await keys.publicKey(context, input.KeyId);
        return {
          KeyId: key.arn,
          PublicKey: publicKey,
          CustomerMasterKeySpec: key.spec,
          KeySpec: key.spec,
          KeyUsage: key.usage,
          ...algorithmMembers(key),
        };
      },
    },
    DeriveSharedSecret: {
      readOnly: true,
      async run(context, input: DeriveSharedSecretRequest) {
        refuseMembers(input, ['Recipient']);
        const { keyArn, secret } = await keys.deriveSharedSecret(
          context,
          input.KeyId!,
          input.PublicKey!,
          optionsOf(input),
        );
        return { KeyId: keyArn, SharedSecret: secret, KeyAgreementAlgorithm: 'ECDH', KeyOrigin: 'AWS_KMS' };
      },
    },
  };
}

const signOptions = (input: SignRequest | VerifyRequest) => {
  const { MessageType: type = 'RAW' } = input;
  if (type !== 'RAW' && type !== 'DIGEST') {
    throw keyFailure('UnsupportedOperationException', `MessageType ${type} is not supported. Known: RAW, DIGEST.`);
  }
  return { ...optionsOf(input), ...member('algorithm', input.SigningAlgorithm), digest: type === 'DIGEST' };
};

function ciphertextOf(blob: Uint8Array | undefined): Uint8Array {
  if (blob !== undefined && blob.length > 0) return blob;
  throw keyFailure('ValidationException', 'CiphertextBlob is required and missing.');
}

import { useQuery } from '@tanstack/react-query';
import { useId, useState } from 'react';
import { api } from '../../api.ts';
import { Failure } from '../../components/failure.tsx';
import { useSetting } from './use-setting.ts';

interface Encryption {
  readonly algorithm: string;
  readonly keyId?: string;
  readonly bucketKey?: boolean;
}

/** How new objects are encrypted that do not say it themselves. */
export function EncryptionSetting({ bucket }: { readonly bucket: string }) {
  const { now, change } = useSetting<Encryption>(bucket, 'encryption');
  const [algorithm, setAlgorithm] = useState<string>();
  const [keyId, setKeyId] = useState<string>();
  const [bucketKey, setBucketKey] = useState<boolean>();
  const chosen = algorithm ?? now.data?.algorithm ?? 'none';
  const names = useId();
  const aliases = useQuery({
    queryKey: ['keys', 'aliases'],
    queryFn: () => api.get<{ aliases: readonly { readonly name: string }[] }>('/keys/aliases'),
    enabled: chosen === 'aws:kms',
  });
  const key = keyId ?? now.data?.keyId ?? '';
  const shared = bucketKey ?? now.data?.bucketKey ?? false;
  const save = () =>
    change.mutate(
      chosen === 'none'
        ? null
        : {
            algorithm: chosen,
            ...(chosen === 'aws:kms' && key.trim() !== '' ? { keyId: key.trim() } : {}),
            ...(chosen === 'aws:kms' && shared ? { bucketKey: true } : {}),
          },
    );
  return (
    <section className="card" aria-label="Encryption">
      <h2>Encryption</h2>
      {[now, change].map((step) => step.error !== null && <Failure key={String(step.error)} error={step.error} />)}
      <div className="row">
        <label className="field">
          New objects
          <select value={chosen} onChange={(event) => setAlgorithm(event.target.value)}>
            <option value="none">as the lake’s default says</option>
            <option value="AES256">AES256, with a key of the store</option>
            <option value="aws:kms">aws:kms, with a key of yours</option>
          </select>
        </label>
        {chosen === 'aws:kms' && (
          <label className="field">
            Key id, ARN or alias
            <input
              value={key}
              list={names}
              onChange={(event) => setKeyId(event.target.value)}
              placeholder="alias/letters"
            />
            <datalist id={names}>
              {aliases.data?.aliases.map(({ name }) => (
                <option key={name} value={name} />
              ))}
            </datalist>
          </label>
        )}
        {chosen === 'aws:kms' && (
          <label className="row">
            <input type="checkbox" checked={shared} onChange={(event) => setBucketKey(event.target.checked)} />
            one use of the key for many objects
          </label>
        )}
        <button type="button" onClick={save} disabled={change.isPending || now.data === undefined}>
          Save encryption
        </button>
      </div>
      {aliases.error !== null && <p className="sub">Aliases cannot be offered: {aliases.error.message}</p>}
      {change.isSuccess && (
        <p className="sub" role="status">
          Saved.
        </p>
      )}
      <p className="sub">What is there already stays as it is; copy it onto itself to encrypt it anew.</p>
    </section>
  );
}

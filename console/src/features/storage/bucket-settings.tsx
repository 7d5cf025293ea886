import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { api, at } from '../../api.ts';
import { Failure } from '../../components/failure.tsx';
import { EncryptionSetting } from './encryption-setting.tsx';
import { LifecycleSetting } from './lifecycle-setting.tsx';
import { ReplicationCard } from './replication-card.tsx';
import type { Bucket } from './storage-types.ts';
import { useSetting } from './use-setting.ts';

/** What a bucket is set to: versions, encryption, lifecycle, public access, policy. */
export function BucketSettings({ bucket }: { readonly bucket: Bucket }) {
  return (
    <>
      <Versioning bucket={bucket} />
      <EncryptionSetting bucket={bucket.name} />
      <LifecycleSetting bucket={bucket.name} />
      <ReplicationCard bucket={bucket.name} />
      <PublicAccess bucket={bucket.name} />
      <Policy bucket={bucket.name} />
    </>
  );
}

function Versioning({ bucket }: { readonly bucket: Bucket }) {
  const client = useQueryClient();
  const next = bucket.versioning === 'Enabled' ? 'Suspended' : 'Enabled';
  const change = useMutation({
    mutationFn: () => api.put(at`/buckets/${bucket.name}/versioning`, { state: next }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['bucket', bucket.name] }),
  });
  return (
    <section className="card" aria-label="Versions">
      <h2>Versions</h2>
      {change.error !== null && <Failure error={change.error} />}
      <div className="spread">
        <span>
          {bucket.versioning === 'Enabled' && 'Every version is kept; a delete only hides.'}
          {bucket.versioning === 'Suspended' && 'No new versions are kept; the old ones are still there.'}
          {bucket.versioning === undefined && 'Versions are not kept: what is overwritten or deleted is gone.'}
        </span>
        <button type="button" onClick={() => change.mutate()} disabled={change.isPending || bucket.objectLock}>
          {next === 'Enabled' ? 'Keep versions' : 'Suspend'}
        </button>
      </div>
    </section>
  );
}

interface Block {
  readonly blockPublicAcls: boolean;
  readonly ignorePublicAcls: boolean;
  readonly blockPublicPolicy: boolean;
  readonly restrictPublicBuckets: boolean;
}

const BLOCKS: readonly (readonly [keyof Block, string])[] = [
  ['blockPublicAcls', 'refuse access lists that make public'],
  ['ignorePublicAcls', 'take access lists that make public for absent'],
  ['blockPublicPolicy', 'refuse policies that make public'],
  ['restrictPublicBuckets', 'let only the own account use a bucket whose policy makes it public'],
];
const OPEN: Block = {
  blockPublicAcls: false,
  ignorePublicAcls: false,
  blockPublicPolicy: false,
  restrictPublicBuckets: false,
};

function PublicAccess({ bucket }: { readonly bucket: string }) {
  const { now, change } = useSetting<Block>(bucket, 'publicAccessBlock');
  const value = now.data ?? OPEN;
  return (
    <section className="card" aria-label="Public access">
      <h2>Public access</h2>
      {[now, change].map((step) => step.error !== null && <Failure key={String(step.error)} error={step.error} />)}
      {now.data !== undefined &&
        BLOCKS.map(([name, text]) => (
          <label key={name} className="row">
            <input
              type="checkbox"
              checked={value[name]}
              disabled={change.isPending}
              onChange={(event) => change.mutate({ ...value, [name]: event.target.checked })}
            />
            {text}
          </label>
        ))}
    </section>
  );
}

function Policy({ bucket }: { readonly bucket: string }) {
  const { now, change } = useSetting<{ text: string }>(bucket, 'policy');
  const current = now.data?.text ?? '';
  const [text, setText] = useState('');
  useEffect(() => setText(current), [current]);
  return (
    <section className="card" aria-label="Policy">
      <h2>Policy</h2>
      {[now, change].map((step) => step.error !== null && <Failure key={String(step.error)} error={step.error} />)}
      <label className="field">
        Statements for other accounts and services, as JSON; empty for none
        <textarea
          rows={8}
          className="mono"
          value={text}
          spellCheck={false}
          onChange={(event) => setText(event.target.value)}
          placeholder={'{"Version":"2012-10-17","Statement":[…]}'}
        />
      </label>
      <p>
        <button
          type="button"
          disabled={text === current || change.isPending}
          onClick={() => change.mutate(text.trim() === '' ? null : { text })}
        >
          Save policy
        </button>
      </p>
    </section>
  );
}

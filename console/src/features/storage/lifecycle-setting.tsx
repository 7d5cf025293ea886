import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { api, at } from '../../api.ts';
import { Failure } from '../../components/failure.tsx';
import { Rows } from '../../components/rows.tsx';
import { useSetting } from './use-setting.ts';

interface Rule {
  readonly id: string;
  readonly enabled: boolean;
  readonly filter: { readonly prefix?: string; readonly tags?: readonly { key: string; value: string }[] };
  readonly form: string;
  readonly expiration?: { readonly days?: number; readonly date?: number; readonly expiredDeleteMarker?: boolean };
  readonly transitions?: readonly { readonly days?: number; readonly date?: number; readonly storageClass: string }[];
  readonly noncurrentExpiration?: { readonly days?: number; readonly newerVersions?: number };
  readonly abortUploadsAfterDays?: number;
}

interface Lifecycle {
  readonly rules: readonly Rule[];
}

const CLASSES = ['STANDARD_IA', 'ONEZONE_IA', 'INTELLIGENT_TIERING', 'GLACIER_IR', 'GLACIER', 'DEEP_ARCHIVE'];

/** What happens to objects as they grow old: rules, one added or removed at a time. */
export function LifecycleSetting({ bucket }: { readonly bucket: string }) {
  const { now, change } = useSetting<Lifecycle>(bucket, 'lifecycle');
  const rules = now.data?.rules ?? [];
  const run = useMutation({ mutationFn: () => api.post(at`/lifecycle/${bucket}/runs`) });
  const put = (next: readonly Rule[]) => change.mutate(next.length === 0 ? null : { ...now.data, rules: next });
  return (
    <section className="card" aria-label="Lifecycle">
      <div className="spread">
        <h2>Lifecycle</h2>
        <button type="button" onClick={() => run.mutate()} disabled={rules.length === 0 || run.isPending}>
          {run.isPending ? 'Running …' : run.isSuccess ? 'Ran; run again' : 'Run the rules now'}
        </button>
      </div>
      {[now, change, run].map((step) => step.error !== null && <Failure key={String(step.error)} error={step.error} />)}
      <Rows
        rows={rules}
        keyOf={(rule) => rule.id}
        empty={now.isPending ? 'Loading …' : 'No rule: objects stay as they are.'}
        columns={[
          { title: 'Rule', cell: (rule) => rule.id },
          { title: 'Objects', cell: (rule) => <span className="mono">{scopeOf(rule)}</span> },
          { title: 'What happens', cell: (rule) => effectsOf(rule).join('; ') },
          {
            title: '',
            cell: (rule) => (
              <span className={`badge ${rule.enabled ? 'good' : ''}`}>{rule.enabled ? 'on' : 'off'}</span>
            ),
          },
          {
            title: '',
            cell: (rule) => (
              <button
                type="button"
                className="danger"
                aria-label={`Remove rule ${rule.id}`}
                onClick={() => put(rules.filter((other) => other.id !== rule.id))}
              >
                Remove
              </button>
            ),
          },
        ]}
      />
      {now.data !== undefined && <AddRule taken={rules} onAdd={(rule) => put([...rules, rule])} />}
    </section>
  );
}

function scopeOf({ filter }: Rule): string {
  const tags = (filter.tags ?? []).map(({ key, value }) => `${key}=${value}`);
  return [filter.prefix || (tags.length > 0 ? '' : 'all'), ...tags].filter((part) => part !== '').join(', ');
}

function effectsOf(rule: Rule): string[] {
  const after = ({ days, date }: { readonly days?: number; readonly date?: number }) =>
    days === undefined ? `on ${new Date(date ?? 0).toISOString().slice(0, 10)}` : `after ${days} days`;
  return [
    ...(rule.transitions ?? []).map((step) => `to ${step.storageClass} ${after(step)}`),
    ...(rule.expiration?.days === undefined && rule.expiration?.date === undefined
      ? []
      : [`deleted ${after(rule.expiration)}`]),
    ...(rule.expiration?.expiredDeleteMarker ? ['lone delete markers go'] : []),
    ...(rule.noncurrentExpiration?.days === undefined
      ? []
      : [`old versions deleted after ${rule.noncurrentExpiration.days} days`]),
    ...(rule.abortUploadsAfterDays === undefined
      ? []
      : [`unfinished uploads end after ${rule.abortUploadsAfterDays} days`]),
  ];
}

function AddRule({ taken, onAdd }: { readonly taken: readonly Rule[]; readonly onAdd: (rule: Rule) => void }) {
  const [prefix, setPrefix] = useState('');
  const [what, setWhat] = useState('expire');
  const [days, setDays] = useState('30');
  const count = Number(days);
  const add = () => {
    const words = prefix.split(/[^A-Za-z0-9]+/).filter((word) => word !== '');
    const id = [what, ...(words.length === 0 ? ['all'] : words), taken.length + 1].join('-');
    onAdd({ id, enabled: true, filter: { prefix }, form: 'filter', ...effect(what, count) });
  };
  return (
    <form
      className="row"
      onSubmit={(event) => {
        event.preventDefault();
        add();
      }}
    >
      <label className="field">
        Prefix (all if empty)
        <input value={prefix} onChange={(event) => setPrefix(event.target.value)} placeholder="logs/" />
      </label>
      <label className="field">
        What happens
        <select value={what} onChange={(event) => setWhat(event.target.value)}>
          <option value="expire">delete</option>
          {CLASSES.map((name) => (
            <option key={name} value={name}>
              move to {name}
            </option>
          ))}
          <option value="noncurrent">delete old versions</option>
          <option value="abort">end unfinished uploads</option>
        </select>
      </label>
      <label className="field">
        After days
        <input
          inputMode="numeric"
          style={{ width: 80 }}
          value={days}
          onChange={(event) => setDays(event.target.value)}
        />
      </label>
      <button type="submit" disabled={!Number.isInteger(count) || count < 1}>
        Add rule
      </button>
    </form>
  );
}

function effect(what: string, days: number): Partial<Rule> {
  switch (what) {
    case 'expire':
      return { expiration: { days } };
    case 'noncurrent':
      return { noncurrentExpiration: { days } };
    case 'abort':
      return { abortUploadsAfterDays: days };
    default:
      return { transitions: [{ days, storageClass: what }] };
  }
}

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { api, at } from '../../api.ts';
import { Failure } from '../../components/failure.tsx';

interface Described {
  readonly database: string;
  readonly name: string;
  readonly description?: string;
  readonly parameters: Readonly<Record<string, string>>;
}

const FIELDS = [
  ['owner', 'Owner'],
  ['steward', 'Steward'],
  ['sensitivity', 'Sensitivity'],
] as const;

const listOf = (text: string) =>
  text
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');

/** What people say of a table: shown, and changed by whoever may alter it. */
export function WordsForm({ table }: { readonly table: Described }) {
  const [editing, setEditing] = useState(false);
  const word = (name: string) => table.parameters[`loch.${name}`] ?? '';
  const lists = [...listOf(word('terms')), ...listOf(word('tags'))];
  if (editing) return <Edit table={table} word={word} done={() => setEditing(false)} />;
  return (
    <div className="spread words">
      <div className="row">
        {FIELDS.map(([name, title]) => (
          <span key={name}>
            <span className="sub">{title}</span> <b>{word(name) || '–'}</b>
          </span>
        ))}
        {lists.map((one) => (
          <span key={one} className="badge">
            {one}
          </span>
        ))}
      </div>
      <button type="button" onClick={() => setEditing(true)}>
        Describe
      </button>
    </div>
  );
}

function Edit({
  table,
  word,
  done,
}: {
  readonly table: Described;
  readonly word: (name: string) => string;
  readonly done: () => void;
}) {
  const client = useQueryClient();
  const terms = useQuery({
    queryKey: ['terms'],
    queryFn: () => api.get<{ terms: { name: string; definition: string }[] }>('/terms'),
    retry: false,
  });
  const save = useMutation({
    mutationFn: (words: object) => api.put(at`/tables/${table.database}/${table.name}/words`, words),
    onSuccess: async () => {
      await client.invalidateQueries();
      done();
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? '').trim();
    save.mutate({
      description: text('description'),
      owner: text('owner'),
      steward: text('steward'),
      sensitivity: text('sensitivity'),
      terms: listOf(text('terms')),
      tags: listOf(text('tags')),
    });
  };
  return (
    <form className="words" onSubmit={submit}>
      <div className="row">
        {FIELDS.map(([name, title]) => (
          <label key={name} className="field">
            {title}
            <input name={name} defaultValue={word(name)} maxLength={255} />
          </label>
        ))}
        <label className="field">
          Terms
          <input name="terms" defaultValue={word('terms')} list="terms" placeholder="of the glossary, by commas" />
        </label>
        <datalist id="terms">
          {(terms.data?.terms ?? []).map((term) => (
            <option key={term.name} value={term.name}>
              {term.definition}
            </option>
          ))}
        </datalist>
        <label className="field">
          Tags
          <input name="tags" defaultValue={word('tags')} placeholder="by commas" />
        </label>
      </div>
      <label className="field">
        Description
        <textarea name="description" rows={2} maxLength={2048} defaultValue={table.description ?? ''} />
      </label>
      {save.error !== null && <Failure error={save.error} />}
      <div className="row">
        <button type="submit" className="primary" disabled={save.isPending}>
          Save
        </button>
        <button type="button" onClick={done}>
          Cancel
        </button>
      </div>
    </form>
  );
}

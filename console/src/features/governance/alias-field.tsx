/** The part of an alias after `alias/`. */
export function AliasField({
  value,
  onChange,
}: {
  readonly value: string;
  readonly onChange: (value: string) => void;
}) {
  return (
    <label className="field">
      Alias, without alias/
      <input
        value={value}
        pattern="[A-Za-z0-9\/_\-]{1,250}"
        title="Letters, digits and / _ -"
        placeholder="letters"
        onChange={(event) => onChange(event.target.value)}
      />
    </label>
  );
}

/**
 * Functions of Trino that the transpiler leaves as they are or gets wrong, as expressions of the engine.
 *
 * `$1` … are the arguments; the number of them picks the template. A name that is not here goes to the transpiler.
 * What comes out is an ordinary statement of the engine: it passes the gate like any other.
 * **Source**: Trino documentation, "Functions and operators".
 */
const URL = (group: string) =>
  `nullif(regexp_extract($1, '^([A-Za-z][^:/?#]*):(?://(?:[^/?#@]*@)?([^/?#:]*)(?::(\\d+))?)?([^?#]*)(?:\\?([^#]*))?(?:#(.*))?$', ${group}), '')`;
/** MySQL's date format letters in the engine's. */
const MYSQL_FORMAT = (format: string) =>
  `replace(replace(replace(replace(${format}, '%i', '%M'), '%s', '%S'), '%f', '%g000'), '%T', '%H:%M:%S')`;
/** Joda's letters, longest first. */
const JODA_FORMAT = (format: string) =>
  [
    ['yyyy', '%Y'],
    ['MMMM', '%B'],
    ['MMM', '%b'],
    ['MM', '%m'],
    ['dd', '%d'],
    ['HH', '%H'],
    ['hh', '%I'],
    ['mm', '%M'],
    ['SSS', '%g'],
    ['ss', '%S'],
    ['EEEE', '%A'],
    ['EEE', '%a'],
    ['yy', '%y'],
  ].reduce((text, [from, to]) => `replace(${text}, '${from}', '${to}')`, format);
/** `lax $.a` → `$.a`. */
const JSON_PATH = (path: string) => `regexp_replace(${path}, '^\\s*(lax|strict)\\s+', '')`;

const TEMPLATES: Readonly<Record<string, string | readonly string[]>> = {
  all_match: 'list_bool_and(list_transform($1, $2))',
  any_match: 'list_bool_or(list_transform($1, $2))',
  approx_percentile: 'approx_quantile($1, $2)',
  array_except: 'list_filter(list_distinct($1), lambda _e: NOT list_contains($2, _e))',
  array_join: [
    'array_to_string($1, $2)',
    'array_to_string(list_transform($1, lambda _e: coalesce(CAST(_e AS VARCHAR), $3)), $2)',
  ],
  array_position: 'coalesce(list_position($1, $2), 0)',
  array_remove: 'list_filter($1, lambda _e: _e <> $2)',
  array_sort: "list_sort($1, 'ASC', 'NULLS LAST')",
  array_union: 'list_distinct(list_concat($1, $2))',
  arrays_overlap: 'list_has_any($1, $2)',
  bitwise_and: '(($1) & ($2))',
  bitwise_and_agg: 'bit_and($1)',
  bitwise_left_shift: '(($1) << ($2))',
  bitwise_not: '(~($1))',
  bitwise_or: '(($1) | ($2))',
  bitwise_or_agg: 'bit_or($1)',
  bitwise_right_shift: '(($1) >> ($2))',
  bitwise_xor: 'xor($1, $2)',
  bitwise_xor_agg: 'bit_xor($1)',
  cardinality: 'len($1)',
  codepoint: 'unicode($1)',
  date_trunc: 'cast_to_type(date_trunc($1, $2), $2)',
  date_diff: 'date_sub(lower($1), $2, $3)',
  date_format: `strftime($1, ${MYSQL_FORMAT('$2')})`,
  date_parse: `CAST(strptime($1, ${MYSQL_FORMAT('$2')}) AS TIMESTAMP)`,
  day_of_month: 'dayofmonth($1)',
  day_of_week: 'isodow($1)',
  day_of_year: 'dayofyear($1)',
  dow: 'isodow($1)',
  doy: 'dayofyear($1)',
  e: 'exp(1.0)',
  element_at: '($1)[$2]',
  flatten: 'flatten($1)',
  format: [
    'printf($1)',
    'printf($1, $2)',
    'printf($1, $2, $3)',
    'printf($1, $2, $3, $4)',
    'printf($1, $2, $3, $4, $5)',
  ],
  format_datetime: `strftime($1, ${JODA_FORMAT('$2')})`,
  from_iso8601_date: 'CAST($1 AS DATE)',
  from_iso8601_timestamp: 'CAST($1 AS TIMESTAMPTZ)',
  from_utf8: 'decode($1)',
  hamming_distance: 'hamming($1, $2)',
  infinity: "CAST('infinity' AS DOUBLE)",
  is_finite: 'isfinite($1)',
  is_infinite: 'isinf($1)',
  is_nan: 'isnan($1)',
  json_array_contains: 'json_contains($1, to_json($2))',
  json_exists: `json_exists($1, ${JSON_PATH('$2')})`,
  json_extract: `json_extract($1, ${JSON_PATH('$2')})`,
  json_extract_scalar: `json_extract_string($1, ${JSON_PATH('$2')})`,
  json_format: 'CAST($1 AS VARCHAR)',
  json_parse: 'CAST($1 AS JSON)',
  json_query: `json_extract($1, ${JSON_PATH('$2')})`,
  json_size: `coalesce(json_array_length($1, ${JSON_PATH('$2')}), len(json_keys($1, ${JSON_PATH('$2')})))`,
  json_value: `json_extract_string($1, ${JSON_PATH('$2')})`,
  last_day_of_month: 'last_day($1)',
  levenshtein_distance: 'levenshtein($1, $2)',
  map_agg: 'map(list($1), list($2))',
  md5: 'unhex(md5($1))',
  nan: "CAST('nan' AS DOUBLE)",
  none_match: '(NOT list_bool_or(list_transform($1, $2)))',
  normalize: 'nfc_normalize($1)',
  random: [
    'random()',
    'CAST(floor(random() * ($1)) AS BIGINT)',
    'CAST(($1) + floor(random() * (($2) - ($1))) AS BIGINT)',
  ],
  rand: ['random()', 'CAST(floor(random() * ($1)) AS BIGINT)'],
  reduce: 'list_transform([list_reduce($1, $3, $2)], $4)[1]',
  regexp_count: 'len(regexp_extract_all($1, $2))',
  regexp_replace: [
    '',
    "regexp_replace($1, $2, '', 'g')",
    "regexp_replace($1, $2, regexp_replace($3, '\\$(\\d)', '\\\\\\1', 'g'), 'g')",
  ],
  regexp_split: 'string_split_regex($1, $2)',
  repeat: 'list_transform(range(CAST($2 AS BIGINT)), lambda _i: $1)',
  sequence: ['', 'generate_series($1, $2)', 'generate_series($1, $2, $3)'],
  sha1: 'unhex(sha1($1))',
  sha256: 'unhex(sha256($1))',
  slice: 'list_slice($1, $2, ($2) + ($3) - 1)',
  to_hex: 'hex($1)',
  to_iso8601: "replace(CAST($1 AS VARCHAR), ' ', 'T')",
  to_utf8: 'encode($1)',
  transform: 'list_transform($1, $2)',
  truncate: ['trunc($1)', 'trunc($1, $2)'],
  url_extract_fragment: URL('6'),
  url_extract_host: URL('2'),
  url_extract_path: URL('4'),
  url_extract_port: `TRY_CAST(${URL('3')} AS BIGINT)`,
  url_extract_protocol: URL('1'),
  url_extract_query: URL('5'),
  week_of_year: 'weekofyear($1)',
  year_of_week: 'isoyear($1)',
  yow: 'isoyear($1)',
  zip: 'list_zip($1, $2)',
};

/** Names that are expanded here, lower case. */
export const EXPANDED: ReadonlySet<string> = new Set([...Object.keys(TEMPLATES), 'date_add']);

const UNITS = /^'(millisecond|second|minute|hour|day|week|month|quarter|year)s?'$/i;

/** `date_add('day', n, x)` keeps the type of x, which the engine's own addition does not. */
function dateAdd(args: readonly string[]): string | undefined {
  const [unit, count, value] = args;
  const [, name] = UNITS.exec(unit?.trim() ?? '') ?? [];
  if (name === undefined || args.length !== 3) return undefined;
  return `cast_to_type((${value}) + to_${name.toLowerCase()}s(${count}), ${value})`;
}

/** The expression that stands for a call; undefined for another number of arguments. */
export function expandedCall(name: string, args: readonly string[]): string | undefined {
  if (name === 'date_add') return dateAdd(args);
  const templates = TEMPLATES[name];
  if (templates === undefined) return undefined;
  const candidates = typeof templates === 'string' ? [templates] : templates;
  const template = candidates.find((text) => text !== '' && parameters(text) === args.length);
  return template?.replace(/\$(\d)/g, (_, number: string) => args[Number(number) - 1]!);
}

/** The highest `$n` of a template, but for those inside its own patterns. */
function parameters(template: string): number {
  const numbers = [...template.replaceAll('\\$', '').matchAll(/\$(\d)/g)].map((match) => Number(match[1]));
  return Math.max(0, ...numbers);
}

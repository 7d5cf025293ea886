/**
 * Logs that many systems write. Each pattern is ours, anchored and without nested repetition, so it runs in place.
 * **Source**: Apache httpd and nginx log formats; "Access logs for your Application (Classic) Load Balancer"; RFC 3164,
 * RFC 5424.
 */
import type { TextFinding } from '../classified.ts';
import { expandGrok, type GrokExpression, grokColumns, linesOf } from './grok.ts';

interface LogKind {
  readonly classification: string;
  readonly pattern: string;
}

const REQUEST = '"(?:%{WORD:verb} %{NOTSPACE:request}(?: HTTP/%{NUMBER:httpversion})?|%{DATA:rawrequest})"';
const COMMON = `%{NOTSPACE:clientip} %{NOTSPACE:ident} %{NOTSPACE:auth} \\[%{HTTPDATE:timestamp}\\] ${REQUEST} (?:-|%{NUMBER:response:int}) (?:-|%{NUMBER:bytes:long})`;

const KINDS: readonly LogKind[] = [
  {
    classification: 'alb',
    pattern:
      '(?<type>https?|h2|wss?|grpcs?) %{NOTSPACE:time} %{NOTSPACE:elb} (?:-|%{NOTSPACE:client}) (?:-|%{NOTSPACE:target}) %{NUMBER:request_processing_time:double} %{NUMBER:target_processing_time:double} %{NUMBER:response_processing_time:double} (?:-|%{INT:elb_status_code:int}) (?:-|%{INT:target_status_code:int}) %{INT:received_bytes:long} %{INT:sent_bytes:long} "%{DATA:request}" "%{DATA:user_agent}" %{NOTSPACE:ssl_cipher} %{NOTSPACE:ssl_protocol} %{NOTSPACE:target_group_arn} "%{DATA:trace_id}" "%{DATA:domain_name}" "%{DATA:chosen_cert_arn}" %{NOTSPACE:matched_rule_priority} %{NOTSPACE:request_creation_time} "%{DATA:actions_executed}" "%{DATA:redirect_url}" "%{DATA:error_reason}"',
  },
  {
    classification: 'elb',
    pattern:
      '%{TIMESTAMP_ISO8601:timestamp} %{NOTSPACE:elb} %{NOTSPACE:client} (?:-|%{NOTSPACE:backend}) %{NUMBER:request_processing_time:double} %{NUMBER:backend_processing_time:double} %{NUMBER:response_processing_time:double} (?:-|%{INT:elb_status_code:int}) (?:-|%{INT:backend_status_code:int}) %{INT:received_bytes:long} %{INT:sent_bytes:long} "%{DATA:request}"(?: "%{DATA:user_agent}" %{NOTSPACE:ssl_cipher} %{NOTSPACE:ssl_protocol})?',
  },
  { classification: 'combined_apache', pattern: `${COMMON} "%{DATA:referrer}" "%{DATA:agent}"` },
  { classification: 'apache', pattern: COMMON },
  {
    classification: 'nginx_error',
    pattern:
      '(?<timestamp>[0-9]{4}/[0-9]{2}/[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}) \\[%{WORD:level}\\] %{INT:pid:long}#%{INT:tid:long}: (?:\\*%{INT:connection:long} )?%{GREEDYDATA:message}',
  },
  {
    classification: 'syslog5424',
    pattern:
      '<%{INT:priority:int}>%{INT:version:int} %{NOTSPACE:timestamp} %{NOTSPACE:host} %{NOTSPACE:app} %{NOTSPACE:procid} %{NOTSPACE:msgid} (?<structured_data>-|\\[[^\\]]*\\])(?: %{GREEDYDATA:message})?',
  },
  {
    classification: 'syslog',
    pattern:
      '(?:<%{INT:priority:int}>)?%{SYSLOGTIMESTAMP:timestamp} %{NOTSPACE:host} (?<program>[^\\s:\\[]+)(?:\\[%{INT:pid:long}\\])?: %{GREEDYDATA:message}',
  },
];

/** From this share of its lines on a text is such a log. */
const ENOUGH = 0.8;

const compiled = new Map<LogKind, { readonly expression: GrokExpression; readonly test: RegExp }>();

function compile(kind: LogKind) {
  const known = compiled.get(kind);
  if (known !== undefined) return known;
  const expression = expandGrok(kind.pattern);
  const entry = { expression, test: new RegExp(expression.source, expression.flags) };
  compiled.set(kind, entry);
  return entry;
}

/** Lines of Apache, nginx, load balancers and syslog. CloudTrail's files are JSON and found there. */
export function classifyLogs(text: string, whole: boolean): TextFinding {
  const lines = linesOf(text, whole);
  if (lines.length === 0) return { saw: 'no line' };
  let best: { readonly kind: LogKind; readonly share: number } | undefined;
  for (const kind of KINDS) {
    const { test } = compile(kind);
    if (!test.test(lines[0]!) && !test.test(lines.at(-1)!)) continue;
    const share = lines.filter((line) => test.test(line)).length / lines.length;
    if (best === undefined || share > best.share) best = { kind, share };
    if (share === 1) break;
  }
  if (best === undefined || best.share < ENOUGH) {
    const names = KINDS.map((kind) => kind.classification).join(', ');
    return {
      saw:
        best === undefined
          ? `lines of none of ${names}`
          : `only ${Math.round(best.share * 100)} % lines of ${best.kind.classification}`,
    };
  }
  return {
    format: 'grok',
    certainty: best.share,
    classification: best.kind.classification,
    columns: grokColumns(compile(best.kind).expression),
    reading: { 'input.format': best.kind.pattern },
    records: lines.length,
    recordBytes: lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0),
  };
}

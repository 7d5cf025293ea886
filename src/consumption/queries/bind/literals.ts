import type { SyntaxNode } from '../../../engines/contract.ts';

/** A literal of a statement; a number keeps its digits. */
export interface Literal {
  readonly kind: 'number' | 'string' | 'boolean' | 'date' | 'timestamp';
  readonly text: string;
}

const CAST_KINDS: Readonly<Record<string, Literal['kind']>> = {
  DATE: 'date',
  TIMESTAMP: 'timestamp',
  BOOLEAN: 'boolean',
};

/** The literal that an expression is: a constant, a negated number, or `DATE '…'` and its kin. Undefined for the rest. */
export function literalOf(node: SyntaxNode): Literal | undefined {
  if (node.class === 'CONSTANT') return constant(node.value as SyntaxNode);
  if (node.class === 'FUNCTION' && node.function_name === '-') {
    const [only, ...more] = node.children as SyntaxNode[];
    const inner = only === undefined || more.length > 0 ? undefined : literalOf(only);
    return inner?.kind === 'number' && !inner.text.startsWith('-') ? { ...inner, text: `-${inner.text}` } : undefined;
  }
  if (node.class === 'CAST' && node.try_cast === false) {
    const inner = literalOf(node.child as SyntaxNode);
    const kind = CAST_KINDS[String((node.cast_type as SyntaxNode).id)];
    if (inner?.kind !== 'string' || kind === undefined) return undefined;
    if (kind === 'boolean') return booleanOf(inner.text);
    return { kind, text: inner.text };
  }
  return undefined;
}

function booleanOf(text: string): Literal | undefined {
  if (/^(t|true)$/i.test(text)) return { kind: 'boolean', text: 'true' };
  if (/^(f|false)$/i.test(text)) return { kind: 'boolean', text: 'false' };
  return undefined;
}

function constant(value: SyntaxNode): Literal | undefined {
  if (value.is_null === true) return undefined;
  const type = value.type as SyntaxNode;
  const raw = value.value;
  switch (type.id) {
    case 'VARCHAR':
      return typeof raw === 'string' ? { kind: 'string', text: raw } : undefined;
    case 'BOOLEAN':
      return typeof raw === 'boolean' ? { kind: 'boolean', text: String(raw) } : undefined;
    case 'INTEGER':
    case 'BIGINT': {
      const text = digitsOf(raw);
      return text === undefined || !/^-?\d+$/.test(text) ? undefined : { kind: 'number', text };
    }
    case 'DECIMAL': {
      const scale = (type.type_info as SyntaxNode | null)?.scale;
      if (typeof raw !== 'number' || !Number.isSafeInteger(raw) || typeof scale !== 'number') return undefined;
      return { kind: 'number', text: decimalText(raw, scale) };
    }
    default:
      return undefined;
  }
}

/** A number's own digits: those beyond 2^53 are kept as text by whoever read the tree. */
function digitsOf(raw: unknown): string | undefined {
  if (typeof raw === 'number') return Number.isSafeInteger(raw) ? String(raw) : undefined;
  const kept = (raw as { readonly rawJSON?: unknown } | null)?.rawJSON;
  return typeof kept === 'string' ? kept : undefined;
}

function decimalText(unscaled: number, scale: number): string {
  if (scale === 0) return String(unscaled);
  const digits = String(Math.abs(unscaled)).padStart(scale + 1, '0');
  return `${unscaled < 0 ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/**
 * Whether an Avro reader's schema can read what a writer's wrote.
 * **Source**: Apache Avro 1.12 specification, "Schema Resolution"; names as the Java library compares them: the last
 * part, or an alias of the reader's.
 */
import type { AvroRecord, AvroType } from './parse.ts';

/** What each written primitive may be read as. */
const PROMOTIONS: Readonly<Record<string, readonly string[]>> = {
  int: ['int', 'long', 'float', 'double'],
  long: ['long', 'float', 'double'],
  float: ['float', 'double'],
  string: ['string', 'bytes'],
  bytes: ['bytes', 'string'],
};

const lastPart = (name: string): string => name.slice(name.lastIndexOf('.') + 1);

const isSameName = (
  reader: { readonly name: string; readonly aliases: readonly string[] },
  writer: { readonly name: string },
): boolean => lastPart(reader.name) === lastPart(writer.name) || reader.aliases.includes(writer.name);

const label = (type: AvroType): string => ('name' in type ? `${type.kind} ${type.name}` : type.kind);

/** Reasons why `reader` cannot read `writer`; empty when it can. */
export function avroProblems(reader: AvroType, writer: AvroType): readonly string[] {
  return new Comparison().compare(reader, writer, '');
}

class Comparison {
  /** Pairs under way or found good: a recursive type is good if nothing else of it is bad. */
  readonly #good = new Map<AvroType, Set<AvroType>>();

  compare(reader: AvroType, writer: AvroType, at: string): string[] {
    const place = at === '' ? 'the schema' : `\`${at}\``;
    if (writer.kind === 'union') {
      // Whatever branch was written must be readable.
      return writer.branches.flatMap((branch) => this.compare(reader, branch, at));
    }
    if (reader.kind === 'union') {
      if (reader.branches.some((branch) => this.#tried(branch, writer, at))) return [];
      return [`${place} was written as ${label(writer)}, which is none of the branches it is read as`];
    }
    if (reader.kind !== writer.kind) {
      if (PROMOTIONS[writer.kind]?.includes(reader.kind)) return [];
      return [`${place} was written as ${label(writer)} and is read as ${label(reader)}`];
    }
    switch (reader.kind) {
      case 'array':
        return this.compare(reader.items, (writer as typeof reader).items, `${at}[]`);
      case 'map':
        return this.compare(reader.values, (writer as typeof reader).values, `${at}{}`);
      case 'enum': {
        const wrote = writer as typeof reader;
        if (!isSameName(reader, wrote))
          return [`${place} was written as ${label(writer)} and is read as ${label(reader)}`];
        if (reader.fallback !== undefined) return [];
        const unknown = wrote.symbols.filter((symbol) => !reader.symbols.includes(symbol));
        return unknown.length === 0 ? [] : [`${place} may hold ${unknown.join(', ')}, which its enum no longer has`];
      }
      case 'fixed': {
        const wrote = writer as typeof reader;
        if (!isSameName(reader, wrote))
          return [`${place} was written as ${label(writer)} and is read as ${label(reader)}`];
        return reader.size === wrote.size
          ? []
          : [`${place} was written with ${wrote.size} bytes and is read with ${reader.size}`];
      }
      case 'record':
        return this.#record(reader, writer as AvroRecord, at);
      default:
        return [];
    }
  }

  #tried(reader: AvroType, writer: AvroType, at: string): boolean {
    return this.compare(reader, writer, at).length === 0;
  }

  #record(reader: AvroRecord, writer: AvroRecord, at: string): string[] {
    const place = at === '' ? 'the schema' : `\`${at}\``;
    if (!isSameName(reader, writer))
      return [`${place} was written as ${label(writer)} and is read as ${label(reader)}`];
    const known = this.#good.get(reader) ?? new Set();
    if (known.has(writer)) return [];
    known.add(writer);
    this.#good.set(reader, known);
    const problems = reader.fields.flatMap((field) => {
      const inside = at === '' ? field.name : `${at}.${field.name}`;
      const wrote = writer.fields.find((one) => one.name === field.name || field.aliases.includes(one.name));
      if (wrote !== undefined) return this.compare(field.type, wrote.type, inside);
      return field.hasDefault ? [] : [`\`${inside}\` was not written and has no default`];
    });
    if (problems.length > 0) known.delete(writer);
    return problems;
  }
}

/**
 * Whether a Protobuf reader's definition can read what a writer's wrote, as the wire format and its libraries have it.
 *
 * Invariants
 * - Fields are known by number; a number that only one side has is read over or absent, and harms nobody.
 * - Any top-level message may have been written: the reader must have each.
 *
 * **Source**: Protocol Buffers documentation, "Updating A Message Type", "Encoding".
 */
import type { ProtoField, ProtoFile, ProtoMessage } from './parse.ts';
import type { ProtoNames, ProtoType } from './names.ts';

/** Scalars that are read as one another without loss of their encoding. */
const ALIKE: readonly (readonly string[])[] = [
  ['int32', 'uint32', 'int64', 'uint64', 'bool', 'enum'],
  ['sint32', 'sint64'],
  ['fixed32', 'sfixed32'],
  ['fixed64', 'sfixed64'],
  ['string', 'bytes'],
];

/** A file with its names. */
export interface ProtoSide {
  readonly file: ProtoFile;
  readonly names: ProtoNames;
}

/** Reasons why `reader` cannot read `writer`; empty when it can. */
export function protoProblems(reader: ProtoSide, writer: ProtoSide): readonly string[] {
  return new Comparison(reader, writer).files();
}

class Comparison {
  readonly #reader: ProtoSide;
  readonly #writer: ProtoSide;
  readonly #done = new Set<string>();

  constructor(reader: ProtoSide, writer: ProtoSide) {
    this.#reader = reader;
    this.#writer = writer;
  }

  files(): string[] {
    const { file: reads } = this.#reader;
    const { file: wrote } = this.#writer;
    return wrote.messages.flatMap((message) => {
      const now = reads.messages.find((one) => one.name === message.name);
      if (now === undefined) return [`message \`${message.name}\` was written and is gone`];
      return this.#messages(now, message, message.name, message.name);
    });
  }

  #messages(reads: ProtoMessage, wrote: ProtoMessage, readsName: string, wroteName: string): string[] {
    const pair = `${readsName}\u0000${wroteName}`;
    if (this.#done.has(pair)) return [];
    this.#done.add(pair);
    const problems: string[] = [];
    const before = new Map(wrote.fields.map((field) => [field.number, field]));
    const now = new Map(reads.fields.map((field) => [field.number, field]));
    for (const field of reads.fields) {
      const place = `\`${readsName}.${field.name}\` (${field.number})`;
      const was = before.get(field.number);
      if (was !== undefined) problems.push(...this.#fields(field, was, readsName, wroteName, place));
      if (field.label === 'required' && was?.label !== 'required') {
        problems.push(`${place} is required, and may not have been written`);
      }
    }
    problems.push(...oneofs(wrote, now, readsName), ...joined(reads, before, readsName));
    return problems;
  }

  #fields(reads: ProtoField, wrote: ProtoField, readsName: string, wroteName: string, place: string): string[] {
    const now = this.#reader.names.typeOf(reads.type, readsName);
    const was = this.#writer.names.typeOf(wrote.type, wroteName);
    if ((reads.label === 'map') !== (wrote.label === 'map')) {
      return [`${place} was written as ${shown(wrote)} and is read as ${shown(reads)}`];
    }
    if (reads.label === 'map' && !alike(reads.keyType!, wrote.keyType!)) {
      return [`${place} was written with keys of ${wrote.keyType} and is read with ${reads.keyType}`];
    }
    const many = (field: ProtoField) => field.label === 'repeated';
    if (many(reads) !== many(wrote) && !isDelimited(now)) {
      return [
        `${place} was written as ${shown(wrote)} and is read as ${shown(reads)}: packed numbers do not read as one`,
      ];
    }
    if (now.kind === 'message' && was.kind === 'message') {
      return this.#messages(now.message, was.message, now.name, was.name);
    }
    if (now.kind === 'external' || was.kind === 'external') {
      return now.kind === was.kind && now.name === was.name
        ? []
        : [`${place} was written as ${was.name} and is read as ${now.name}`];
    }
    const kindOf = (type: ProtoType) => (type.kind === 'scalar' ? type.name : type.kind);
    return alike(kindOf(now), kindOf(was))
      ? []
      : [`${place} was written as ${shown(wrote)} and is read as ${shown(reads)}`];
  }
}

const shown = (field: ProtoField): string =>
  field.label === 'map'
    ? `map<${field.keyType}, ${field.type}>`
    : field.label === 'repeated'
      ? `repeated ${field.type}`
      : field.type;

const alike = (a: string, b: string): boolean =>
  a === b || ALIKE.some((group) => group.includes(a) && group.includes(b));

const isDelimited = (type: ProtoType): boolean =>
  type.kind === 'message' ||
  type.kind === 'external' ||
  (type.kind === 'scalar' && ['string', 'bytes'].includes(type.name));

/** An alternative that was written and that the reader does not know looks as if none were set. */
function oneofs(wrote: ProtoMessage, now: ReadonlyMap<number, ProtoField>, name: string): string[] {
  return wrote.fields
    .filter((field) => field.oneof !== undefined && !now.has(field.number))
    .map((field) => `\`${name}.${field.name}\` (${field.number}) of oneof \`${field.oneof}\` was written and is gone`);
}

/** Fields that could be set together and now exclude each other lose all but the last. */
function joined(reads: ProtoMessage, before: ReadonlyMap<number, ProtoField>, name: string): string[] {
  const problems: string[] = [];
  for (const oneof of new Set(reads.fields.flatMap((field) => field.oneof ?? []))) {
    const members = reads.fields
      .filter((field) => field.oneof === oneof)
      .flatMap((field) => before.get(field.number) ?? []);
    const groups = new Set(members.map((field) => field.oneof ?? field.number));
    if (groups.size > 1) {
      problems.push(
        `${members.map((field) => `\`${name}.${field.name}\``).join(', ')} may be set together and are now in one oneof \`${oneof}\``,
      );
    }
  }
  return problems;
}

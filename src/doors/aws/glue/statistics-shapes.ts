/** Glue's column statistics as the catalog's and back. */
import type { ColumnStatistics, ColumnStatisticsData, DecimalNumber } from '@aws-sdk/client-glue';
import type { StatisticsKind, TableColumnStatistics } from '../../../catalog/contract.ts';
import { LochError } from '../../../core/errors.ts';

const MEMBERS: Readonly<Record<StatisticsKind, keyof ColumnStatisticsData>> = {
  BINARY: 'BinaryColumnStatisticsData',
  BOOLEAN: 'BooleanColumnStatisticsData',
  DATE: 'DateColumnStatisticsData',
  DECIMAL: 'DecimalColumnStatisticsData',
  DOUBLE: 'DoubleColumnStatisticsData',
  LONG: 'LongColumnStatisticsData',
  STRING: 'StringColumnStatisticsData',
};

/** A decimal as text: its bytes are a big-endian two's complement number. */
export function decimalText(number: DecimalNumber): string {
  const bytes = number.UnscaledValue ?? new Uint8Array();
  const scale = number.Scale ?? 0;
  if (bytes.length === 0 || bytes.length > 16 || !Number.isInteger(scale) || scale < 0 || scale > 38) {
    throw new LochError(
      'invalid_argument',
      `A decimal has ${bytes.length} bytes and the scale ${scale}; it must have 1 to 16 bytes and a scale of 0 to 38.`,
    );
  }
  const unscaled = BigInt.asIntN(bytes.length * 8, BigInt(`0x${Buffer.from(bytes).toString('hex')}`));
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
  const sign = unscaled < 0n ? '-' : '';
  return scale === 0 ? `${sign}${digits}` : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** The reverse of `decimalText`, in as few bytes as hold it. */
export function decimalNumber(text: string): DecimalNumber {
  const [whole = '0', fraction = ''] = text.replace('-', '').split('.');
  const magnitude = BigInt(`${whole}${fraction}`);
  const unscaled = text.startsWith('-') ? -magnitude : magnitude;
  let length = 1;
  while (BigInt.asIntN(length * 8, unscaled) !== unscaled) length++;
  const hex = BigInt.asUintN(length * 8, unscaled)
    .toString(16)
    .padStart(length * 2, '0');
  return { UnscaledValue: Uint8Array.from(Buffer.from(hex, 'hex')), Scale: fraction.length };
}

/** Members of all seven structures, by their names there. */
interface AnyData {
  readonly NumberOfNulls?: number;
  readonly NumberOfDistinctValues?: number;
  readonly MinimumValue?: number | Date | DecimalNumber;
  readonly MaximumValue?: number | Date | DecimalNumber;
  readonly MaximumLength?: number;
  readonly AverageLength?: number;
  readonly NumberOfTrues?: number;
  readonly NumberOfFalses?: number;
}

function boundText(kind: StatisticsKind, value: AnyData['MinimumValue']): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (kind === 'DATE') return String((value as Date).getTime());
  if (kind === 'DECIMAL') return decimalText(value as DecimalNumber);
  return String(value);
}

/** **Errors**: `missing_argument` when the structure of its type is not there. */
export function toStatistics(given: ColumnStatistics): TableColumnStatistics {
  const kind = given.StatisticsData!.Type as StatisticsKind;
  const member = MEMBERS[kind];
  if (member === undefined) {
    throw new LochError(
      'invalid_argument',
      `\`Type\` of the statistics of \`${given.ColumnName}\` is \`${kind}\`; known: ${Object.keys(MEMBERS).join(', ')}.`,
    );
  }
  const found = given.StatisticsData![member] as AnyData | undefined;
  if (found === undefined) {
    throw new LochError(
      'missing_argument',
      `The statistics of \`${given.ColumnName}\` are of type ${kind} and lack \`${member}\`.`,
    );
  }
  const min = boundText(kind, found.MinimumValue);
  const max = boundText(kind, found.MaximumValue);
  return {
    column: given.ColumnName!,
    columnType: given.ColumnType!,
    kind,
    analyzedAt: given.AnalyzedTime!.getTime(),
    nulls: found.NumberOfNulls ?? 0,
    ...(found.NumberOfDistinctValues === undefined ? {} : { distinct: found.NumberOfDistinctValues }),
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
    ...(found.MaximumLength === undefined ? {} : { maxLength: found.MaximumLength }),
    ...(found.AverageLength === undefined ? {} : { averageLength: found.AverageLength }),
    ...(found.NumberOfTrues === undefined ? {} : { trues: found.NumberOfTrues }),
    ...(found.NumberOfFalses === undefined ? {} : { falses: found.NumberOfFalses }),
  };
}

function bound(kind: StatisticsKind, text: string): number | Date | DecimalNumber {
  if (kind === 'DATE') return new Date(Number(text));
  if (kind === 'DECIMAL') return decimalNumber(text);
  return Number(text);
}

/** Statistics as Glue shows them. */
export function fromStatistics(one: TableColumnStatistics): ColumnStatistics {
  const found: AnyData = {
    NumberOfNulls: one.nulls,
    ...(one.distinct === undefined ? {} : { NumberOfDistinctValues: one.distinct }),
    ...(one.min === undefined ? {} : { MinimumValue: bound(one.kind, one.min) }),
    ...(one.max === undefined ? {} : { MaximumValue: bound(one.kind, one.max) }),
    ...(one.maxLength === undefined ? {} : { MaximumLength: one.maxLength }),
    ...(one.averageLength === undefined ? {} : { AverageLength: one.averageLength }),
    ...(one.trues === undefined ? {} : { NumberOfTrues: one.trues }),
    ...(one.falses === undefined ? {} : { NumberOfFalses: one.falses }),
  };
  return {
    ColumnName: one.column,
    ColumnType: one.columnType,
    AnalyzedTime: new Date(one.analyzedAt),
    StatisticsData: { Type: one.kind, [MEMBERS[one.kind]]: found },
  };
}

import type { QualityRule } from '../contract.ts';
import type { ColumnKind } from '../jobs/column-type.ts';

/** A column as rules see it: its typed value and the normalized text it was cast from, as SQL. */
export interface RuleColumn {
  readonly name: string;
  readonly kind: ColumnKind;
  readonly value: string;
  readonly text: string;
  /** strptime formats of the column, for casts of its text. */
  readonly formats: readonly string[];
}

/** What a rule is compiled against. */
export interface RuleScope {
  /** **Errors**: `invalid_argument` naming rule, column and the known columns. */
  column(rule: QualityRule['rule'], name: string): RuleColumn;
}

/** A rule that looks at one row: its name in quarantine, and SQL that is true for a row that breaks it, never NULL. */
export interface RowRule {
  readonly name: string;
  readonly message: string;
  readonly broken: string;
}

export type RuleOf<Name extends QualityRule['rule']> = Extract<QualityRule, { rule: Name }>;

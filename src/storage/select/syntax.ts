/** The syntax tree of an S3 Select statement. */

/** A step of a path: a member (`quoted` ones match by exact case), an index, or every element. */
export type PathStep =
  | { readonly kind: 'name'; readonly name: string; readonly quoted: boolean }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'all' };

export type Expression =
  | { readonly kind: 'literal'; readonly type: 'string' | 'number' | 'boolean' | 'null'; readonly text: string }
  | { readonly kind: 'path'; readonly steps: readonly PathStep[] }
  | { readonly kind: 'unary'; readonly operator: '-' | '+' | 'not'; readonly operand: Expression }
  | {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly left: Expression;
      readonly right: Expression;
    }
  | {
      readonly kind: 'like';
      readonly negated: boolean;
      readonly operand: Expression;
      readonly pattern: Expression;
      readonly escape?: Expression;
    }
  | {
      readonly kind: 'in';
      readonly negated: boolean;
      readonly operand: Expression;
      readonly list: readonly Expression[];
    }
  | {
      readonly kind: 'between';
      readonly negated: boolean;
      readonly operand: Expression;
      readonly low: Expression;
      readonly high: Expression;
    }
  | { readonly kind: 'is'; readonly negated: boolean; readonly what: 'null' | 'missing'; readonly operand: Expression }
  | { readonly kind: 'cast'; readonly operand: Expression; readonly type: CastType }
  | {
      readonly kind: 'case';
      readonly operand?: Expression;
      readonly branches: readonly { readonly when: Expression; readonly result: Expression }[];
      readonly otherwise?: Expression;
    }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Expression[]; readonly at: number }
  /** `COUNT(*)`. */
  | { readonly kind: 'count-all' };

export type BinaryOperator = 'or' | 'and' | '=' | '<>' | '<' | '<=' | '>' | '>=' | '+' | '-' | '*' | '/' | '%' | '||';

export type CastType = 'boolean' | 'integer' | 'string' | 'float' | 'decimal' | 'timestamp';

export interface SelectStatement {
  /** `all`: every column. */
  readonly items: 'all' | readonly { readonly expression: Expression; readonly alias?: string }[];
  /** Steps after `S3Object`. */
  readonly from: readonly PathStep[];
  readonly alias?: string;
  readonly where?: Expression;
  readonly limit?: number;
}

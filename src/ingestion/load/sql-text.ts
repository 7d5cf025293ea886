/** `value` as an SQL string. */
export const sqlText = (value: string): string => `'${value.replaceAll("'", "''")}'`;

/** `value` as an SQL name. */
export const sqlName = (value: string): string => `"${value.replaceAll('"', '""')}"`;

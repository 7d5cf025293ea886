/**
 * The eight tables of TPC-H by our own seeded generator: row counts, keys, ranges and correlations as the benchmark has
 * them, texts of its vocabulary. Not dbgen's bytes.
 */
export interface TpchTable {
  readonly name: string;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** The SELECT that makes its rows at a scale. */
  readonly select: (scale: number) => string;
}

/** A number from 0 to `below` − 1, the same for the same row and purpose. */
const pick = (row: string, purpose: string, below: number | string) =>
  `(hash(${row}, '${purpose}') % (${below})::UBIGINT)::BIGINT`;
const choose = (row: string, purpose: string, values: readonly string[]) =>
  `[${values.map((v) => `'${v}'`).join(', ')}][1 + ${pick(row, purpose, values.length)}]`;
const money = (row: string, purpose: string, from: number, to: number) =>
  `((${pick(row, purpose, (to - from) * 100)} + ${from * 100}) / 100.0)::DECIMAL(15,2)`;

const WORDS = [
  'furiously',
  'special',
  'requests',
  'pending',
  'deposits',
  'quickly',
  'ironic',
  'packages',
  'final',
  'accounts',
  'carefully',
  'express',
  'regular',
  'theodolites',
  'bold',
  'Customer',
  'Complaints',
  'unusual',
  'slyly',
  'even',
]; // prettier-ignore
const COLORS = [
  'almond',
  'antique',
  'azure',
  'beige',
  'blue',
  'brown',
  'chartreuse',
  'coral',
  'cream',
  'dark',
  'forest',
  'frosted',
  'green',
  'honeydew',
  'indian',
  'ivory',
  'lemon',
  'light',
  'linen',
  'magenta',
  'maroon',
  'navy',
  'olive',
  'orchid',
]; // prettier-ignore
const comment = (row: string, count: number) =>
  Array.from({ length: count }, (_, i) => choose(row, `word${i}`, WORDS)).join(" || ' ' || ");
const NATIONS = [
  ['ALGERIA', 0],
  ['ARGENTINA', 1],
  ['BRAZIL', 1],
  ['CANADA', 1],
  ['EGYPT', 4],
  ['ETHIOPIA', 0],
  ['FRANCE', 3],
  ['GERMANY', 3],
  ['INDIA', 2],
  ['INDONESIA', 2],
  ['IRAN', 4],
  ['IRAQ', 4],
  ['JAPAN', 2],
  ['JORDAN', 4],
  ['KENYA', 0],
  ['MOROCCO', 0],
  ['MOZAMBIQUE', 0],
  ['PERU', 1],
  ['CHINA', 2],
  ['ROMANIA', 3],
  ['SAUDI ARABIA', 4],
  ['VIETNAM', 2],
  ['RUSSIA', 3],
  ['UNITED KINGDOM', 3],
  ['UNITED STATES', 1],
] as const; // prettier-ignore
const REGIONS = ['AFRICA', 'AMERICA', 'ASIA', 'EUROPE', 'MIDDLE EAST'];
const SEGMENTS = ['AUTOMOBILE', 'BUILDING', 'FURNITURE', 'MACHINERY', 'HOUSEHOLD'];
const PRIORITIES = ['1-URGENT', '2-HIGH', '3-MEDIUM', '4-NOT SPECIFIED', '5-LOW'];
const MODES = ['REG AIR', 'AIR', 'RAIL', 'SHIP', 'TRUCK', 'MAIL', 'FOB'];
const INSTRUCTIONS = ['DELIVER IN PERSON', 'COLLECT COD', 'NONE', 'TAKE BACK RETURN'];
const TYPES = [
  ['STANDARD', 'SMALL', 'MEDIUM', 'LARGE', 'ECONOMY', 'PROMO'],
  ['ANODIZED', 'BURNISHED', 'PLATED', 'POLISHED', 'BRUSHED'],
  ['TIN', 'NICKEL', 'BRASS', 'STEEL', 'COPPER'],
] as const;
const CONTAINERS = [
  ['SM', 'LG', 'MED', 'JUMBO', 'WRAP'],
  ['CASE', 'BOX', 'BAG', 'JAR', 'PKG', 'PACK', 'CAN', 'DRUM'],
] as const;

const columns = (text: string) =>
  text
    .trim()
    .split(/\s*\n\s*/)
    .map((line) => {
      const [name, type] = line.split(/\s+/) as [string, string];
      return { name, type };
    });

const parts = (scale: number) => Math.round(200_000 * scale);
const suppliers = (scale: number) => Math.max(10, Math.round(10_000 * scale));
const customers = (scale: number) => Math.round(150_000 * scale);
const orders = (scale: number) => Math.round(1_500_000 * scale);

/** The i-th of the four suppliers of a part. */
const supplierOf = (part: string, i: string, scale: number) =>
  `(((${part} + ${i} * (${suppliers(scale)} // 4 + (${part} - 1) // ${suppliers(scale)})) % ${suppliers(scale)}) + 1)`;
const price = (part: string) => `((90000 + ((${part} // 10) % 20001) + 100 * (${part} % 1000)) / 100.0)`;
const orderDate = (row: string) => `(DATE '1992-01-01' + ${pick(row, 'orderdate', 2406)}::INTEGER)`;

/** Tables in the order they are made. */
export const TPCH_TABLES: readonly TpchTable[] = [
  {
    name: 'region',
    columns: columns(`r_regionkey bigint
      r_name string
      r_comment string`),
    select: () =>
      `SELECT i AS r_regionkey, [${REGIONS.map((r) => `'${r}'`).join(', ')}][i + 1] AS r_name, ${comment('i', 6)} AS r_comment FROM range(5) t(i)`,
  },
  {
    name: 'nation',
    columns: columns(`n_nationkey bigint
      n_name string
      n_regionkey bigint
      n_comment string`),
    select: () =>
      `SELECT i AS n_nationkey, [${NATIONS.map(([n]) => `'${n}'`).join(', ')}][i + 1] AS n_name, [${NATIONS.map(([, r]) => r).join(', ')}][i + 1]::BIGINT AS n_regionkey, ${comment('i', 8)} AS n_comment FROM range(25) t(i)`,
  },
  {
    name: 'supplier',
    columns: columns(`s_suppkey bigint
      s_name string
      s_address string
      s_nationkey bigint
      s_phone string
      s_acctbal decimal(15,2)
      s_comment string`),
    select: (scale) =>
      `SELECT i + 1 AS s_suppkey, 'Supplier#' || lpad((i + 1)::VARCHAR, 9, '0') AS s_name, md5(i::VARCHAR)[:20] AS s_address,
        ${pick('i', 'nation', 25)} AS s_nationkey, (10 + ${pick('i', 'nation', 25)}) || '-' || lpad(${pick('i', 'phone', 10_000_000)}::VARCHAR, 7, '0') AS s_phone,
        ${money('i', 'balance', -999, 9999)} AS s_acctbal,
        ${comment('i', 5)} || CASE WHEN ${pick('i', 'complaint', 2000)} = 0 THEN ' Customer Complaints' ELSE '' END AS s_comment
      FROM range(${suppliers(scale)}) t(i)`,
  },
  {
    name: 'customer',
    columns: columns(`c_custkey bigint
      c_name string
      c_address string
      c_nationkey bigint
      c_phone string
      c_acctbal decimal(15,2)
      c_mktsegment string
      c_comment string`),
    select: (scale) =>
      `SELECT i + 1 AS c_custkey, 'Customer#' || lpad((i + 1)::VARCHAR, 9, '0') AS c_name, md5(i::VARCHAR)[:20] AS c_address,
        ${pick('i', 'nation', 25)} AS c_nationkey, (10 + ${pick('i', 'nation', 25)}) || '-' || lpad(${pick('i', 'phone', 10_000_000)}::VARCHAR, 7, '0') AS c_phone,
        ${money('i', 'balance', -999, 9999)} AS c_acctbal, ${choose('i', 'segment', SEGMENTS)} AS c_mktsegment, ${comment('i', 8)} AS c_comment
      FROM range(${customers(scale)}) t(i)`,
  },
  {
    name: 'part',
    columns: columns(`p_partkey bigint
      p_name string
      p_mfgr string
      p_brand string
      p_type string
      p_size int
      p_container string
      p_retailprice decimal(15,2)
      p_comment string`),
    select: (scale) =>
      `SELECT i + 1 AS p_partkey, ${Array.from({ length: 5 }, (_, k) => choose('i', `color${k}`, COLORS)).join(" || ' ' || ")} AS p_name,
        'Manufacturer#' || (1 + ${pick('i', 'mfgr', 5)}) AS p_mfgr, 'Brand#' || (1 + ${pick('i', 'mfgr', 5)}) || (1 + ${pick('i', 'brand', 5)}) AS p_brand,
        ${TYPES.map((words, k) => choose('i', `type${k}`, words)).join(" || ' ' || ")} AS p_type, (1 + ${pick('i', 'size', 50)})::INTEGER AS p_size,
        ${CONTAINERS.map((words, k) => choose('i', `container${k}`, words)).join(" || ' ' || ")} AS p_container,
        ${price('(i + 1)')}::DECIMAL(15,2) AS p_retailprice, ${comment('i', 2)} AS p_comment
      FROM range(${parts(scale)}) t(i)`,
  },
  {
    name: 'partsupp',
    columns: columns(`ps_partkey bigint
      ps_suppkey bigint
      ps_availqty int
      ps_supplycost decimal(15,2)
      ps_comment string`),
    select: (scale) =>
      `SELECT p AS ps_partkey, ${supplierOf('p', 's', scale)} AS ps_suppkey, (1 + ${pick('p * 4 + s', 'quantity', 9999)})::INTEGER AS ps_availqty,
        ${money('p * 4 + s', 'cost', 1, 1000)} AS ps_supplycost, ${comment('p * 4 + s', 12)} AS ps_comment
      FROM (SELECT i + 1 AS p FROM range(${parts(scale)}) t(i)), (SELECT j AS s FROM range(4) u(j))`,
  },
  {
    name: 'orders',
    columns: columns(`o_orderkey bigint
      o_custkey bigint
      o_orderstatus string
      o_totalprice decimal(15,2)
      o_orderdate date
      o_orderpriority string
      o_clerk string
      o_shippriority int
      o_comment string`),
    select: (scale) =>
      `SELECT o AS o_orderkey, 1 + 3 * ${pick('o', 'customer', Math.max(1, Math.floor(customers(scale) / 3)))} + ${pick('o', 'rest', 2)} AS o_custkey,
        CASE WHEN ${orderDate('o')} < DATE '1995-03-01' THEN 'F' WHEN ${orderDate('o')} > DATE '1995-06-17' THEN 'O' ELSE 'P' END AS o_orderstatus,
        ${money('o', 'total', 900, 450_000)} AS o_totalprice, ${orderDate('o')} AS o_orderdate, ${choose('o', 'priority', PRIORITIES)} AS o_orderpriority,
        'Clerk#' || lpad(${pick('o', 'clerk', Math.max(1, Math.round(1000 * scale)))}::VARCHAR, 9, '0') AS o_clerk, 0::INTEGER AS o_shippriority, ${comment('o', 6)} AS o_comment
      FROM (SELECT i + 1 AS o FROM range(${orders(scale)}) t(i))`,
  },
  {
    name: 'lineitem',
    columns: columns(`l_orderkey bigint
      l_partkey bigint
      l_suppkey bigint
      l_linenumber int
      l_quantity decimal(15,2)
      l_extendedprice decimal(15,2)
      l_discount decimal(15,2)
      l_tax decimal(15,2)
      l_returnflag string
      l_linestatus string
      l_shipdate date
      l_commitdate date
      l_receiptdate date
      l_shipinstruct string
      l_shipmode string
      l_comment string`),
    select: (scale) =>
      `SELECT o AS l_orderkey, part AS l_partkey, ${supplierOf('part', pick('r', 'supplier', 4), scale)} AS l_suppkey, n::INTEGER AS l_linenumber,
        quantity::DECIMAL(15,2) AS l_quantity, (quantity * ${price('part')})::DECIMAL(15,2) AS l_extendedprice,
        (${pick('r', 'discount', 11)} / 100.0)::DECIMAL(15,2) AS l_discount, (${pick('r', 'tax', 9)} / 100.0)::DECIMAL(15,2) AS l_tax,
        CASE WHEN received <= DATE '1995-06-17' THEN ${choose('r', 'flag', ['R', 'A'])} ELSE 'N' END AS l_returnflag,
        CASE WHEN shipped > DATE '1995-06-17' THEN 'O' ELSE 'F' END AS l_linestatus, shipped AS l_shipdate,
        ordered + (30 + ${pick('r', 'commit', 61)})::INTEGER AS l_commitdate, received AS l_receiptdate,
        ${choose('r', 'instruction', INSTRUCTIONS)} AS l_shipinstruct, ${choose('r', 'mode', MODES)} AS l_shipmode, ${comment('r', 4)} AS l_comment
      FROM (SELECT *, shipped + (1 + ${pick('r', 'receipt', 30)})::INTEGER AS received FROM (
        SELECT o, n, o * 8 + n AS r, ${orderDate('o')} AS ordered, ${orderDate('o')} + (1 + ${pick('o * 8 + n', 'ship', 121)})::INTEGER AS shipped,
          1 + ${pick('o * 8 + n', 'part', parts(scale))} AS part, 1 + ${pick('o * 8 + n', 'quantity', 50)} AS quantity
        FROM (SELECT o, unnest(range(1, 2 + ${pick('o', 'lines', 7)})) AS n FROM (SELECT i + 1 AS o FROM range(${orders(scale)}) t(i)))))`,
  },
];

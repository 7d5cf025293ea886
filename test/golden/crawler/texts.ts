/** Odd text files as people and machines leave them in a lake, by name. */
const lines = (...all: string[]): string => `${all.join('\n')}\n`;
const utf16 = (text: string, mark: boolean, big: boolean): Buffer => {
  const bytes = Buffer.from(`${mark ? '\ufeff' : ''}${text}`, 'utf16le');
  return big ? bytes.swap16() : bytes;
};
const repeated = (count: number, line: (n: number) => string): string =>
  lines(...Array.from({ length: count }, (_, n) => line(n)));

const APACHE = (n: number) =>
  `192.168.0.${n} - ada [31/Jan/2026:10:20:3${n % 10} +0100] "GET /a/${n}?q=x%20y HTTP/1.1" 200 ${n * 100}`;
const ALB =
  'https 2026-01-31T10:20:30.123456Z app/lb/50dc 192.168.131.39:2817 10.0.0.1:80 0.086 0.048 0.037 200 200 0 57 "GET https://www.example.com:443/ HTTP/1.1" "curl/7.46.0" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/t/73e2 "Root=1-58337281-1d84" "www.example.com" "arn:aws:acm:us-east-1:123456789012:certificate/12" 1 2026-01-31T10:20:30.000000Z "authenticate,forward" "-" "-" "10.0.0.1:80" "200" "-" "-"';
const ELB =
  '2026-01-31T10:20:30.945958Z my-lb 192.168.131.39:2817 10.0.0.1:80 0.000073 0.001048 0.000057 200 200 0 29 "GET http://www.example.com:80/ HTTP/1.1" "curl/7.38.0" - -';

export const TEXTS: Readonly<Record<string, string | Buffer>> = {
  'quoted-newlines.csv': lines('id,comment,n', '1,"two', 'lines",5', '2,"a ""quote"", and a comma",6'),
  'backslash.csv': lines('id,comment,n', '1,"say \\"hi\\", now",5', '2,"back\\\\slash",6', '3,"plain",7'),
  'single-quotes.csv': lines('id;text;n', "1;'a;b';2", "2;'it''s';3"),
  'semicolon-decimal-comma.csv': lines('Datum;Betrag;Konto', '31.01.2026;1.234,56;0012345', '01.02.2026;7,00;0000042'),
  'pipe.txt': lines('a|b|c', '1|2.5|x', '2|3.5|y'),
  'ctrl-a.txt': lines('1\u00012.5\u0001x', '2\u00013.5\u0001y'),
  'tabs.tsv': lines('name\tborn\talive', 'Ada\t1815-12-10\tfalse', 'Bo\t1990-01-01\ttrue'),
  'bom.csv': `\ufeff${lines('id,name', '1,Ada', '2,Bo')}`,
  'utf16le.csv': utf16(lines('id,name,größe', '1,Ada,1.5', '2,Bö,2.5'), true, false),
  'utf16be.csv': utf16(lines('id,name,n', '1,Ada,1.5', '2,Bö,2.5'), true, true),
  'utf16-unmarked.csv': utf16(lines('id,name,n', '1,Ada,1.5', '2,Bo,2.5'), false, false),
  'latin1.csv': Buffer.from(lines('id,straße,n', '1,Königsallee,5', '2,Überweg,6'), 'latin1'),
  'crlf.csv': 'id,name\r\n1,Ada\r\n2,Bo\r\n',
  'mac.csv': 'id,name\r1,Ada\r2,Bo\r',
  'ragged.csv': lines('id,a,b', ...Array.from({ length: 18 }, (_, n) => `${n},x,y`), '18,x', '19,x,y,z'),
  'no-header.csv': lines('1,Ada,2.5', '2,Bo,3.5'),
  'all-words.csv': lines('Ada,Bern', 'Bo,Ulm', 'Cy,Rom'),
  'duplicate-names.csv': lines('id,value,value', '1,2,3', '4,5,6'),
  'identifiers.csv': lines('zip,phone,iban,big,n', '01234,+4930123,DE89370400440532013000,92233720368547758080,1', '00042,+4930124,DE12500105170648489890,1,2'),
  'nulls.csv': lines('a,b,c,d', '1,,\\N,x', ',2.5,\\N,', '3,,\\N,y'),
  'mixed.csv': lines('id,mixed,flag', '1,5,true', '2,five,FALSE', '3,6.5,true'),
  'exponents.csv': lines('a,b', '1e5,1', '-2.5E-3,2', '.5,3'),
  'trailing-comma.csv': lines('a,b,', '1,x,', '2,y,'),
  'long-header-text.csv': lines(`${'description '.repeat(15)},b`, 'x,1', 'y,2'),
  'one-column.txt': lines('alpha', 'beta', 'gamma'),
  'prose.txt': lines('It was a bright cold day in April,', 'and the clocks were striking thirteen.', 'Winston Smith slipped quickly through', 'the glass doors of Victory Mansions, though not'),
  'objects.json': lines('{', '  "id": 1,', '  "name": "Ada"', '}', '{ "id": 2, "name": "Bo", "extra": [1, 2.5] }'),
  'lines.ndjson': lines('{"Id":1,"at":{"x":1,"y":null}}', '{"Id":2,"at":{"x":1.5,"z":"q"}}'),
  'array.json': JSON.stringify([{ a: 1, tags: ['x'] }, { a: 2, tags: [], b: true }], null, 2),
  'array-of-numbers.json': '[1, 2, 3]',
  'scalar.json': '"text"',
  'widening.ndjson': lines('{"n":1,"m":1,"t":"x"}', '{"n":2.5,"m":"two","t":null}'),
  'cut-off.json': '[{"a":1,"b":"x"},{"a":2,"b":"y"},{"a":3,"b":"cut o',
  'cloudtrail.json': JSON.stringify({
    Records: [
      { eventVersion: '1.08', userIdentity: { type: 'Root' }, eventTime: '2026-01-31T10:20:30Z', eventName: 'PutObject', readOnly: false },
      { eventVersion: '1.08', userIdentity: { type: 'IAMUser', userName: 'ada' }, eventTime: '2026-01-31T10:20:31Z', eventName: 'GetObject', readOnly: true },
    ],
  }),
  'books.xml': '<?xml version="1.0"?><catalog><book id="1"><title>One</title><price>12.5</price><author>A</author><author>B</author></book><book id="2"><title>Two</title><price>7</price><author>C</author></book></catalog>',
  'nested.xml': '<feed xmlns="urn:x"><meta><made>2026-01-31</made></meta><entries><entry><id>1</id><at lat="1.5" lon="2"/></entry><entry><id>2</id><at lat="3" lon="4"/></entry></entries></feed>',
  'attributes.xml': '<rows><row id="1" name="Ada" ok="true"/><row id="2" name="Bo" ok="false"/></rows>',
  'single.xml': '<order><item sku="a">5</item></order>',
  'entities.xml': '<!DOCTYPE r [<!ENTITY x "boom">]><rows><row a="1"><b>&amp;</b></row><row a="2"><b><![CDATA[<c>]]></b></row></rows>',
  'broken.xml': '<rows><row><a>1</a></rows>',
  'page.html': '<!DOCTYPE html><html><body><p>Hi</p></body></html>',
  'access-common.log': repeated(5, APACHE),
  'access-combined.log': repeated(5, (n) => `${APACHE(n)} "https://example.com/" "Mozilla/5.0 (X11; Linux)"`),
  'access-dashes.log': lines('::1 - - [31/Jan/2026:10:20:30 +0100] "-" 408 -', `${APACHE(1)}`, `${APACHE(2)}`),
  'nginx-error.log': lines('2026/01/31 10:20:30 [error] 1234#0: *5 open() "/x" failed (2: No such file or directory), client: 10.0.0.1', '2026/01/31 10:20:31 [notice] 1#1: start worker processes'),
  'alb.log': lines(ALB, ALB.replace('https 2026', 'h2 2026')),
  'elb.log': lines(ELB, ELB.replace(' 200 200 ', ' 503 0 ')),
  'syslog.log': lines('Jan 31 10:20:30 host sshd[123]: Accepted publickey for ada', 'Feb  1 00:00:01 host CRON[4]: (root) CMD (true)', '<34>Feb  1 00:00:02 host kernel: oom'),
  'syslog5424.log': lines('<34>1 2026-01-31T22:14:15.003Z mymachine.example.com su - ID47 - BOM su root failed', '<165>1 2026-01-31T22:14:16.003Z host evntslog 111 ID48 [exampleSDID@32473 iut="3" eventID="1011"] started'),
  'fixed-width.txt': lines('ID    NAME        AMOUNT', '    1 Ada          12.50', '    2 Bob Miller    7.00', '   10 Cy          100.25', '  100 Dee           0.10'),
  'fixed-width-no-header.txt': lines('0001 Ada        12.50', '0002 Bo          7.00', '0003 Cy        100.25', '0004 Dee         0.10'),
  'binary.bin': Buffer.from(Array.from({ length: 300 }, (_, n) => (n * 7919) % 256)),
  'image.png': Buffer.from('\u0089PNG\r\n\u001a\n', 'latin1'),
};

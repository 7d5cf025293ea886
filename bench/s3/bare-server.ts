/**
 * What a put and a get cost at the least on node:http: stream the body to a file, hash it by MD5, fsync, answer; and
 * stream the file back. Argument: the folder. Prints its port.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

const folder = process.argv[2]!;

async function put(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
  const md5 = createHash('md5');
  request.on('data', (chunk) => md5.update(chunk));
  await pipeline(request, createWriteStream(path));
  const handle = await open(path, 'r');
  await handle.sync();
  await handle.close();
  response.writeHead(200, { etag: `"${md5.digest('hex')}"`, 'content-length': 0 }).end();
}

async function get(response: ServerResponse, path: string): Promise<void> {
  const { size } = await stat(path);
  response.writeHead(200, { 'content-length': size });
  await pipeline(createReadStream(path), response);
}

const server = createServer((request, response) => {
  const path = join(folder, new URL(request.url!, 'http://x').pathname.replaceAll('/', '_'));
  const answer = request.method === 'PUT' ? put(request, response, path) : get(response, path);
  answer.catch((error) => response.destroy(error));
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));

import { CreateAccessKeyCommand, CreateUserCommand, IAMClient } from '@aws-sdk/client-iam';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { startLoch } from '../../src/testing/builders/running-loch.ts';

const PASSWORD = 'planted-Pa55word-of-a-source';

it('keeps no secret in clear anywhere in the data directory but the root keys in their own file', async () => {
  const loch = await startLoch();
  try {
    const iam = new IAMClient(loch.client.sdk);
    await iam.send(new CreateUserCommand({ UserName: 'planted' }));
    const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: 'planted' }));
    await loch.client.call('PUT', '/api/replication-tasks/planted', {
      url: `postgres://somebody:${PASSWORD}@127.0.0.1:1/nowhere`,
      tables: ['public.%'],
      target: { bucket: 'raw', prefix: 'planted/' },
    });
    const { id } = await loch.client.call<{ id: string }>('POST', '/api/replication-tasks/planted/start');
    // Nobody listens there: the failure goes to log, run and audit.
    for (let state = ''; state !== 'FAILED'; await sleep(50)) {
      ({ state } = await loch.client.call<{ state: string }>('GET', `/api/replication-runs/${id}`));
    }
    const told = JSON.stringify(await loch.client.call('GET', '/api/replication-tasks'));
    await loch.stop({ remove: false });
    const secrets = [AccessKey!.SecretAccessKey!, loch.client.sdk.credentials.secretAccessKey, PASSWORD];
    const found = readdirSync(loch.data, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((file) => {
        const bytes = readFileSync(file);
        return secrets.some((secret) => bytes.includes(secret));
      });
    expect(found.map((file) => relative(loch.data, file))).toEqual([join('keys', 'root.json')]);
    expect(told).not.toContain(PASSWORD);
  } finally {
    await loch.stop();
    rmSync(loch.data, { recursive: true, force: true });
  }
});

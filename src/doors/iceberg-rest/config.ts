import { LochError } from '../../core/errors.ts';
import type { IcebergAnswer, IcebergSettings } from './request.ts';
import { ENDPOINTS } from './routes.ts';

/** `GET /v1/config`: what clients must use, and the routes there are. **Errors**: `not_found` for a warehouse of another account. */
export function catalogConfig(settings: IcebergSettings, query: URLSearchParams): IcebergAnswer {
  const warehouse = query.get('warehouse') ?? '';
  const known = ['', settings.accountId, 'loch', `${settings.accountId}:loch`];
  if (!known.includes(warehouse)) {
    throw new LochError(
      'not_found',
      `No warehouse \`${warehouse}\`. Known: ${known.filter((name) => name !== '').join(', ')}; or leave it out.`,
      { context: { warehouse } },
    );
  }
  return {
    status: 200,
    body: {
      defaults: {
        's3.endpoint': settings.s3Endpoint(),
        's3.path-style-access': 'true',
        's3.region': settings.region,
        'client.region': settings.region,
      },
      overrides: {},
      endpoints: ENDPOINTS,
    },
  };
}

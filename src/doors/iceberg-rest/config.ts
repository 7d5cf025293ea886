import { restFailure } from './errors.ts';
import { CATALOG, type IcebergAnswer, type IcebergSettings } from './request.ts';
import { ENDPOINTS } from './routes.ts';

/** How long clients may repeat a request under its key. **Units**: ISO 8601 duration. */
const KEY_LIFETIME = 'PT30M';

/** The names this catalog is known by. */
export const warehousesOf = (settings: Pick<IcebergSettings, 'accountId'>): readonly string[] => [
  CATALOG,
  settings.accountId,
  `${settings.accountId}:${CATALOG}`,
];

/** `GET /v1/config`: what clients must use, and the routes there are. **Errors**: `not_found` for another warehouse. */
export function catalogConfig(settings: IcebergSettings, query: URLSearchParams): IcebergAnswer {
  const warehouse = query.get('warehouse') ?? '';
  const known = warehousesOf(settings);
  if (warehouse !== '' && !known.includes(warehouse)) {
    throw restFailure(
      'NoSuchWarehouseException',
      404,
      'not_found',
      `No warehouse \`${warehouse}\`. Known: ${known.join(', ')}; or leave it out.`,
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
      overrides: { prefix: CATALOG, 'namespace-separator': '%1F' },
      endpoints: ENDPOINTS,
      'idempotency-key-lifetime': KEY_LIFETIME,
    },
  };
}

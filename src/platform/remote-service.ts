import type { Connections } from '../catalog/contract.ts';
import { LochError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import type { OpenRemoteService } from '../storage/contract.ts';

/** Opens connections (ENDPOINT, REGION, USERNAME, PASSWORD, PATH_STYLE) as S3 services, for who may get them. */
export function openRemoteService(connections: Pick<Connections, 'get'>): OpenRemoteService {
  return async (context, name) => {
    const { properties } = await connections.get(context, name, { hideSecrets: false });
    const { ENDPOINT, REGION = 'us-east-1', USERNAME, PASSWORD, PATH_STYLE = 'true' } = properties;
    if (ENDPOINT === undefined || !/^https?:\/\//.test(ENDPOINT) || USERNAME === undefined || PASSWORD === undefined) {
      throw new LochError(
        'invalid_argument',
        `The connection \`${name}\` is to no S3 service: it needs ENDPOINT (http:// or https://), USERNAME (the access key id) and PASSWORD (its secret).`,
        { context: { connection: name } },
      );
    }
    return {
      endpoint: ENDPOINT,
      region: REGION,
      pathStyle: PATH_STYLE !== 'false',
      accessKeyId: USERNAME,
      secretAccessKey: new Secret(PASSWORD),
    };
  };
}

import { LochError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import type { LakeFormation, RegisteredLocation } from './contract.ts';
import { locationArn, locationPath } from './data-location.ts';
import { type GrantState, principalKey } from './grant-index.ts';
import { assertAdmin, authorizeLake, type GrantsDeps } from './grants-deps.ts';
import { placeOf } from './lake-resource.ts';
import { orderedPage } from './ordered-page.ts';
import grantsModule from './store.ts';

/** The use-case behind RegisterResource. */
export function registerLocation(deps: GrantsDeps): LakeFormation['registerLocation'] {
  return async (context, input) => {
    const arn = locationArn(locationPath(input.arn));
    if (arn.endsWith('*')) {
      throw new LochError(
        'invalid_argument',
        `\`${input.arn}\`: leave the \`*\` out; all keys below a location belong to it.`,
        {
          context: { argument: 'ResourceArn' },
        },
      );
    }
    await authorizeLake(deps, context, 'RegisterResource');
    await assertAdmin(deps, context, 'RegisterResource');
    await deps.store.write(grantsModule.procedures.register, {
      location: { arn, role_arn: input.roleArn ?? null, registered_by: context.principal.arn },
      entry: {
        id: newId(),
        principal: context.principal.arn,
        principal_key: principalKey(context.principal),
        ...placeOf({ kind: 'location', arn }),
        permissions: ['DATA_LOCATION_ACCESS'],
        grantable: ['DATA_LOCATION_ACCESS'],
        granted_by: context.principal.arn,
      },
    });
  };
}

/** The use-case behind DeregisterResource. Grants on the location stay, and count again when it is registered anew. */
export function deregisterLocation(deps: GrantsDeps): LakeFormation['deregisterLocation'] {
  return async (context, asked) => {
    const arn = locationArn(locationPath(asked));
    await authorizeLake(deps, context, 'DeregisterResource');
    await assertAdmin(deps, context, 'DeregisterResource');
    registeredAt(await deps.index.current(), arn);
    await deps.store.write(grantsModule.procedures.deregister, { arn });
  };
}

/** The use-case behind DescribeResource. */
export function describeLocation(deps: GrantsDeps): LakeFormation['describeLocation'] {
  return async (context, asked) => {
    const arn = locationArn(locationPath(asked));
    await authorizeLake(deps, context, 'DescribeResource');
    return registeredAt(await deps.index.current(), arn);
  };
}

/** The use-case behind ListResources, in order of ARN. */
export function listLocations(deps: GrantsDeps): LakeFormation['listLocations'] {
  return async (context, query = {}) => {
    await authorizeLake(deps, context, 'ListResources');
    const { locations } = await deps.index.current();
    const { page, ...more } = orderedPage([...locations.values()], (location) => location.arn, query);
    return { locations: page, ...more };
  };
}

function registeredAt(state: GrantState, arn: string): RegisteredLocation {
  const location = state.locations.get(locationPath(arn));
  if (location !== undefined) return location;
  throw new LochError('not_found', `\`${arn}\` is not registered. ListResources tells what is.`, {
    context: { location: arn },
  });
}

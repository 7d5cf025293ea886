import { formatArn } from '../../core/arn.ts';
import type { RequestContext } from '../../core/caller.ts';
import type { Clock } from '../../core/clock.ts';
import { isLochError, LochError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import type { Identities, Policy, SessionUseCases } from '../../governance/contract.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import { lastingArn } from '../background-context.ts';
import type { PrefixGrant, AccessGrants, GrantPermission, GrantsInstance, GrantsLocation } from './contract-types.ts';
import { assertLocation, covers, grantScope, policyOf } from './scope.ts';
import grantStore, { type GrantKind } from './store.ts';

const { procedures } = grantStore;
const SERVICE = 'access-grants.s3.amazonaws.com';
const NAMES: Readonly<Record<GrantKind, string>> = {
  instance: 'AccessGrantsInstance',
  location: 'AccessGrantsLocation',
  grant: 'AccessGrant',
};

/** The store module of access grants. */
export const accessGrantsModule = new URL('./store.ts', import.meta.url);

const includes = (granted: GrantPermission, asked: GrantPermission): boolean =>
  granted === 'READWRITE' || granted === asked;

/** Access grants as callers may use them. */
export function createAccessGrants(deps: {
  readonly store: MetadataStore;
  readonly policy: Policy;
  readonly identities: Pick<Identities, 'principal'>;
  readonly sessions: Pick<SessionUseCases, 'serveRole'>;
  readonly clock: Clock;
  readonly region: string;
}): AccessGrants {
  const { store } = deps;
  const allow = (context: RequestContext, action: string, resource = 'default') => {
    const { accountId } = context;
    const arn = formatArn({ service: 's3', region: deps.region, accountId, resource: `access-grants/${resource}` });
    return deps.policy.authorize(context, { action: `s3:${action}`, resource: arn, side: { accountId } });
  };
  const find = async <T>({ accountId }: RequestContext, kind: GrantKind, id: string): Promise<T> => {
    const text = await store.read(procedures.one, { accountId, kind, id });
    if (text !== undefined) return JSON.parse(text) as T;
    throw new LochError('not_found', `There is no ${NAMES[kind]} \`${id}\` in the account.`, {
      context: { s3_code: `${NAMES[kind]}NotExistsError` },
    });
  };
  const listOf = async <T>({ accountId }: RequestContext, kind: GrantKind): Promise<T[]> =>
    (await store.read(procedures.list, { accountId, kind })).map((text) => JSON.parse(text) as T);
  const put = async (context: RequestContext, kind: GrantKind, id: string, value: object): Promise<void> => {
    const { accountId } = context;
    await store.write(procedures.put, { accountId, kind, id, value: JSON.stringify(value) });
  };
  const remove = ({ accountId }: RequestContext, kind: GrantKind, id: string) =>
    store.write(procedures.remove, { accountId, kind, id });
  const instanceOf = (context: RequestContext) => find<GrantsInstance>(context, 'instance', 'default');
  const inUse = (what: string): LochError =>
    new LochError('conflict', `${what} Remove them first.`, {
      context: { s3_code: 'AccessGrantsInstanceNotEmptyError' },
    });

  return {
    async createInstance(context) {
      await allow(context, 'CreateAccessGrantsInstance');
      const instance = { accountId: context.accountId, id: 'default', createdAt: deps.clock.now() };
      try {
        await put(context, 'instance', 'default', instance);
      } catch (error) {
        if (!isLochError(error, 'already_exists')) throw error;
        throw new LochError('already_exists', 'The account has an Access Grants instance already.', {
          context: { s3_code: 'AccessGrantsInstanceAlreadyExistsError' },
        });
      }
      return instance;
    },
    async instance(context) {
      await allow(context, 'GetAccessGrantsInstance');
      return instanceOf(context);
    },
    async deleteInstance(context) {
      await allow(context, 'DeleteAccessGrantsInstance');
      await instanceOf(context);
      if ((await listOf(context, 'location')).length > 0) throw inUse('The instance has locations.');
      await remove(context, 'instance', 'default');
    },
    async createLocation(context, scope, roleArn) {
      assertLocation(scope);
      await allow(context, 'CreateAccessGrantsLocation');
      await deps.policy.authorize(context, { action: 'iam:PassRole', resource: roleArn });
      await instanceOf(context);
      const role = await deps.identities.principal(roleArn);
      if (role?.kind !== 'role' || role.accountId !== context.accountId) {
        throw new LochError('invalid_argument', `The role \`${roleArn}\` does not exist in your account.`, {
          context: { s3_code: 'InvalidIamRole' },
        });
      }
      const others = await listOf<GrantsLocation>(context, 'location');
      if (others.some((each) => each.scope === scope)) {
        throw new LochError('already_exists', `The location \`${scope}\` is registered already.`, {
          context: { s3_code: 'AccessGrantsLocationAlreadyExistsError' },
        });
      }
      const id = scope === 's3://' ? 'default' : newId();
      const location = { id, accountId: context.accountId, scope, roleArn, createdAt: deps.clock.now() };
      await put(context, 'location', id, location);
      return location;
    },
    async location(context, id) {
      await allow(context, 'GetAccessGrantsLocation', `default/location/${id}`);
      return find(context, 'location', id);
    },
    async locations(context, scope) {
      await allow(context, 'ListAccessGrantsLocations');
      await instanceOf(context);
      const all = await listOf<GrantsLocation>(context, 'location');
      return scope === undefined ? all : all.filter((each) => each.scope === scope);
    },
    async deleteLocation(context, id) {
      await allow(context, 'DeleteAccessGrantsLocation', `default/location/${id}`);
      await find(context, 'location', id);
      const grants = await listOf<PrefixGrant>(context, 'grant');
      if (grants.some(({ locationId }) => locationId === id)) throw inUse('The location has grants.');
      await remove(context, 'location', id);
    },
    async createGrant(context, { isObject, ...asked }) {
      await allow(context, 'CreateAccessGrant', `default/location/${asked.locationId}`);
      const location = await find<GrantsLocation>(context, 'location', asked.locationId);
      if ((await deps.identities.principal(asked.grantee)) === undefined) {
        throw new LochError('invalid_argument', `There is no IAM user or role \`${asked.grantee}\`.`, {
          context: { s3_code: 'InvalidRequest' },
        });
      }
      const scope = grantScope(location.scope, asked.subPrefix, isObject);
      const id = newId();
      const grant = { ...asked, id, accountId: context.accountId, scope, createdAt: deps.clock.now() };
      await put(context, 'grant', id, grant);
      return grant;
    },
    async grant(context, id) {
      await allow(context, 'GetAccessGrant', `default/grant/${id}`);
      return find(context, 'grant', id);
    },
    async grants(context, { grantee, permission, scope }) {
      await allow(context, 'ListAccessGrants');
      await instanceOf(context);
      return (await listOf<PrefixGrant>(context, 'grant')).filter(
        (each) =>
          (grantee === undefined || each.grantee === grantee) &&
          (permission === undefined || each.permission === permission) &&
          (scope === undefined || each.scope === scope),
      );
    },
    async deleteGrant(context, id) {
      await allow(context, 'DeleteAccessGrant', `default/grant/${id}`);
      await find(context, 'grant', id);
      await remove(context, 'grant', id);
    },
    async callerGrants(context, scope) {
      await allow(context, 'ListCallerAccessGrants');
      const own = lastingArn(context.principal);
      return (await listOf<PrefixGrant>(context, 'grant')).filter(
        (each) => each.grantee === own && (scope === undefined || each.scope.startsWith(scope.replace(/\*$/, ''))),
      );
    },
    async dataAccess(context, asked) {
      await allow(context, 'GetDataAccess');
      await instanceOf(context);
      const target = asked.isObject || asked.target.endsWith('*') ? asked.target : `${asked.target}*`;
      const own = lastingArn(context.principal);
      const [matched] = (await listOf<PrefixGrant>(context, 'grant'))
        .filter(
          (each) => each.grantee === own && includes(each.permission, asked.permission) && covers(each.scope, target),
        )
        .sort((a, b) => b.scope.length - a.scope.length);
      if (matched === undefined) {
        throw await deps.policy.refuse(context, {
          action: 's3:GetDataAccess',
          resource: asked.target,
          why: `no access grant gives ${own} ${asked.permission} there.`,
          by: ['no-grant'],
        });
      }
      const location = await find<GrantsLocation>(context, 'location', matched.locationId);
      const opened = asked.minimal ? target : matched.scope;
      const credentials = await deps.sessions.serveRole(context, {
        service: SERVICE,
        roleArn: location.roleArn,
        sessionName: `access-grants-${context.principal.name}`.replaceAll(/[^\w+=,.@-]/g, '-').slice(0, 64),
        policy: policyOf(opened, asked.permission),
        durationSeconds: asked.durationSeconds,
        sourceIdentity: context.principal.name,
      });
      const { accessKeyId, secret, sessionToken, expiresAt } = credentials;
      return { accessKeyId, secret, sessionToken, expiresAt, matchedScope: matched.scope, grantee: own };
    },
  };
}

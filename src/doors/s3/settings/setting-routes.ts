import type { BucketSettingKind } from '../../../storage/contract.ts';
import { getObjectLockConfiguration, putObjectLockConfiguration } from '../attribute-operations.ts';
import type { S3Operation } from '../request.ts';
import * as acl from './acl-operations.ts';
import { corsForm } from './cors-form.ts';
import { filteredRoute } from './filtered-form.ts';
import { encryptionForm } from './encryption-form.ts';
import * as inventory from './inventory-form.ts';
import { getLifecycle, putLifecycle } from './lifecycle-form.ts';
import { getLogging, putLogging } from './logging-form.ts';
import { notificationForm } from './notification-form.ts';
import {
  abacForm,
  accelerateForm,
  ownershipForm,
  publicAccessBlockForm,
  requestPaymentForm,
  taggingForm,
} from './plain-forms.ts';
import * as policy from './policy-operations.ts';
import { replicationForm } from './replication-form.ts';
import { deleteOperation, getOperation, putOperation, type SettingForm } from './setting-form.ts';
import { deleteTiering, getTiering, listTiering, putTiering } from './tiering-form.ts';
import { websiteForm } from './website-form.ts';

type Route = readonly [name: string, run: S3Operation];
type Routes = Partial<Readonly<Record<'GET' | 'PUT' | 'DELETE', Route>>>;

/** Get, put and delete of a setting, under `name` of its operations. */
function routesOf<K extends BucketSettingKind>(name: string, form: SettingForm<K>): Required<Routes> {
  return {
    GET: [`Get${name}`, getOperation(form)],
    PUT: [`Put${name}`, putOperation(form)],
    DELETE: [`Delete${name}`, deleteOperation(form.kind)],
  };
}

function withoutDelete({ GET, PUT }: Required<Routes>): Routes {
  return { GET, PUT };
}

const ROUTES: Readonly<Record<string, Routes>> = {
  acl: { GET: ['GetBucketAcl', acl.getBucketAcl], PUT: ['PutBucketAcl', acl.putBucketAcl] },
  policy: {
    GET: ['GetBucketPolicy', policy.getBucketPolicy],
    PUT: ['PutBucketPolicy', policy.putBucketPolicy],
    DELETE: ['DeleteBucketPolicy', deleteOperation('policy')],
  },
  policyStatus: { GET: ['GetBucketPolicyStatus', policy.getBucketPolicyStatus] },
  abac: withoutDelete(routesOf('BucketAbac', abacForm)),
  accelerate: withoutDelete(routesOf('BucketAccelerateConfiguration', accelerateForm)),
  cors: routesOf('BucketCors', corsForm),
  encryption: routesOf('BucketEncryption', encryptionForm),
  lifecycle: {
    GET: ['GetBucketLifecycleConfiguration', getLifecycle],
    PUT: ['PutBucketLifecycleConfiguration', putLifecycle],
    DELETE: ['DeleteBucketLifecycle', deleteOperation('lifecycle')],
  },
  logging: { GET: ['GetBucketLogging', getLogging], PUT: ['PutBucketLogging', putLogging] },
  notification: withoutDelete(routesOf('BucketNotificationConfiguration', notificationForm)),
  'object-lock': {
    GET: ['GetObjectLockConfiguration', getObjectLockConfiguration],
    PUT: ['PutObjectLockConfiguration', putObjectLockConfiguration],
  },
  ownershipControls: routesOf('BucketOwnershipControls', ownershipForm),
  publicAccessBlock: routesOf('PublicAccessBlock', publicAccessBlockForm),
  replication: routesOf('BucketReplication', replicationForm),
  requestPayment: withoutDelete(routesOf('BucketRequestPayment', requestPaymentForm)),
  tagging: routesOf('BucketTagging', taggingForm),
  website: routesOf('BucketWebsite', websiteForm),
};

/** The operation on a setting of a bucket that the request asks for, if there is one. */
export function settingOperation(method: string, query: URLSearchParams): Route | undefined {
  for (const name of query.keys()) {
    if (name === 'inventory') return inventoryRoute(method, query);
    if (name === 'intelligent-tiering') return tieringRoute(method, query);
    if (Object.hasOwn(ROUTES, name)) return ROUTES[name]![method as keyof Routes];
    if (name === 'analytics' || name === 'metrics') return filteredRoute(name, method, query);
  }
  return undefined;
}

function inventoryRoute(method: string, query: URLSearchParams): Route | undefined {
  const name = 'BucketInventoryConfiguration';
  if (method === 'GET' && !query.has('id')) return [`List${name}s`, inventory.listInventories];
  if (method === 'GET') return [`Get${name}`, inventory.getInventory];
  if (method === 'PUT') return [`Put${name}`, inventory.putInventory];
  return method === 'DELETE' ? [`Delete${name}`, inventory.deleteInventory] : undefined;
}

function tieringRoute(method: string, query: URLSearchParams): Route | undefined {
  const name = 'BucketIntelligentTieringConfiguration';
  if (method === 'PUT') return [`Put${name}`, putTiering];
  if (method === 'DELETE') return [`Delete${name}`, deleteTiering];
  if (method !== 'GET') return undefined;
  return query.has('id') ? [`Get${name}`, getTiering] : [`List${name}s`, listTiering];
}

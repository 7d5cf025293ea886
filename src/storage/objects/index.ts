import { explainAccess } from '../buckets/explain-access.ts';
import type { ObjectAccess } from '../contract.ts';
import { selectObject } from '../select/select-object.ts';
import { abortUpload } from './abort-upload.ts';
import { changeAttributes, objectParts, readAttributes } from './attribute-access.ts';
import { lockConfiguration, putLockConfiguration } from './bucket-lock.ts';
import { completeUpload } from './complete-upload.ts';
import { copyObject } from './copy-object.ts';
import { copyPart } from './copy-part.ts';
import { createBucket } from './create-bucket.ts';
import { createUpload } from './create-upload.ts';
import { deleteBucket } from './delete-bucket.ts';
import { deleteObject } from './delete-object.ts';
import { deleteObjects } from './delete-objects.ts';
import { getObject } from './get-object.ts';
import { headBucket } from './head-bucket.ts';
import { headObject } from './head-object.ts';
import { listBuckets } from './list-buckets.ts';
import { listObjects } from './list-objects.ts';
import { listParts } from './list-parts.ts';
import { listUploads } from './list-uploads.ts';
import { listVersions } from './list-versions.ts';
import { getObjectAcl, putObjectAcl } from './object-acl.ts';
import type { ObjectDeps } from './object-deps.ts';
import { putObject } from './put-object.ts';
import { putPart } from './put-part.ts';
import { restoreObject } from './restore-object.ts';
import { setVersioning } from './set-versioning.ts';

export type { ObjectDeps } from './object-deps.ts';

/** Objects as a caller may use them, over a store that asks nobody. */
export function createObjectAccess(deps: ObjectDeps): ObjectAccess {
  return {
    createBucket: createBucket(deps),
    deleteBucket: deleteBucket(deps),
    headBucket: headBucket(deps),
    listBuckets: listBuckets(deps),
    setVersioning: setVersioning(deps),
    putLockConfiguration: putLockConfiguration(deps),
    lockConfiguration: lockConfiguration(deps),
    putObject: putObject(deps),
    getObject: getObject(deps),
    headObject: headObject(deps),
    listObjects: listObjects(deps),
    listVersions: listVersions(deps),
    readAttributes: readAttributes(deps),
    changeAttributes: changeAttributes(deps),
    objectParts: objectParts(deps),
    deleteObject: deleteObject(deps),
    deleteObjects: deleteObjects(deps),
    copyObject: copyObject(deps),
    createUpload: createUpload(deps),
    putPart: putPart(deps),
    copyPart: copyPart(deps),
    listParts: listParts(deps),
    completeUpload: completeUpload(deps),
    abortUpload: abortUpload(deps),
    listUploads: listUploads(deps),
    restoreObject: restoreObject(deps),
    selectObject: selectObject(deps),
    explainAccess: explainAccess(deps),
    getObjectAcl: getObjectAcl(deps),
    putObjectAcl: putObjectAcl(deps),
  };
}

import type { ObjectVersion } from '../contract.ts';
import type { StorageCounts } from './contract-types.ts';

/** Nothing at all. */
export const NO_COUNTS: StorageCounts = {
  versions: 0,
  currentObjects: 0,
  deleteMarkers: 0,
  bytes: 0,
  noncurrentBytes: 0,
  encryptedVersions: 0,
  encryptedBytes: 0,
  largest: 0,
  uploads: 0,
  uploadBytes: 0,
  classes: {},
};

/** What one version counts. */
export function countsOf({ size, isLatest, deleteMarker, attributes }: ObjectVersion): StorageCounts {
  if (deleteMarker === true) return { ...NO_COUNTS, deleteMarkers: 1 };
  const encrypted = attributes.encryption !== undefined;
  return {
    ...NO_COUNTS,
    versions: 1,
    currentObjects: isLatest ? 1 : 0,
    bytes: size,
    noncurrentBytes: isLatest ? 0 : size,
    encryptedVersions: encrypted ? 1 : 0,
    encryptedBytes: encrypted ? size : 0,
    largest: size,
    classes: { [attributes.storageClass ?? 'STANDARD']: { versions: 1, bytes: size } },
  };
}

/** Both together. */
export function plus(a: StorageCounts, b: StorageCounts): StorageCounts {
  const classes: Record<string, { versions: number; bytes: number }> = { ...a.classes };
  for (const [name, { versions, bytes }] of Object.entries(b.classes)) {
    const before = classes[name];
    classes[name] = { versions: (before?.versions ?? 0) + versions, bytes: (before?.bytes ?? 0) + bytes };
  }
  return {
    versions: a.versions + b.versions,
    currentObjects: a.currentObjects + b.currentObjects,
    deleteMarkers: a.deleteMarkers + b.deleteMarkers,
    bytes: a.bytes + b.bytes,
    noncurrentBytes: a.noncurrentBytes + b.noncurrentBytes,
    encryptedVersions: a.encryptedVersions + b.encryptedVersions,
    encryptedBytes: a.encryptedBytes + b.encryptedBytes,
    largest: Math.max(a.largest, b.largest),
    uploads: a.uploads + b.uploads,
    uploadBytes: a.uploadBytes + b.uploadBytes,
    classes,
  };
}

/** The first-level prefix of a key. */
export const firstPrefix = (key: string): string => key.slice(0, key.indexOf('/') + 1);

import type { Secret } from '../../core/secret.ts';

/** What opens a bundle. */
export interface BundleSecret {
  readonly kind: 'passphrase' | 'unlock code' | 'key file';
  readonly secret: Secret;
}

/** What to export, and where to. */
export interface BundleExport {
  /** The folder of the bundle; one with an export that was cut short is taken up where it was. */
  readonly folder: string;
  readonly bucket: string;
  readonly prefix: string;
  /** Without it a new unlock code is made and told in the result. */
  readonly secret?: BundleSecret;
  /** A volume that has grown to this size is followed by another. **Units**: bytes. */
  readonly volumeBytes: number;
  /** For the reports, which hold names of objects: not the bundle's own folder. */
  readonly reportFolder: string;
}

/** What an export wrote. **Units**: bytes. */
export interface BundleExportReport {
  readonly bundle: string;
  readonly entries: number;
  readonly failed: number;
  readonly bytes: number;
  readonly volumes: number;
  /** Shown once: nothing in the bundle tells it. */
  readonly unlockCode?: string;
  /** SHA-256 of the key that signed the manifest, to be compared at the other side. */
  readonly signer: string;
}

/** What to import. */
export interface BundleImport {
  readonly folder: string;
  readonly secret: Secret;
  /** The bucket to fill; that of the same name when not given. Made when it is not there. */
  readonly bucket?: string;
  /** Replaces objects that are there and differ; else they are left and reported. */
  readonly overwrite: boolean;
  /** The signer that must have made it, as a fingerprint. */
  readonly signer?: string;
  /** Where the reports are, which tell a repeated import what is done. */
  readonly reportFolder?: string;
}

/** What an import did. */
export interface BundleImportReport {
  readonly bundle: string;
  readonly imported: number;
  /** Done by an import before, or there already with the same bytes. */
  readonly present: number;
  readonly failed: number;
  readonly bytes: number;
  readonly signer: string;
  readonly reportFolder: string;
}

/** What to write as plain files, and where to. */
export interface TreeExport {
  /** A directory that is empty or not there. */
  readonly folder: string;
  /** Every bucket when not given. */
  readonly bucket?: string;
  readonly prefix?: string;
  /** Copies instead of hard links: files that may be changed. */
  readonly copy?: boolean;
}

/** What was written. **Units**: bytes. */
export interface TreeExportReport {
  readonly folder: string;
  readonly files: number;
  readonly bytes: number;
  /** Objects whose key cannot be a file beside the others; `left-out.csv` names them. */
  readonly leftOut: number;
}

/**
 * Objects on volumes that are carried: encrypted, signed, verified object by object. Both directions can be repeated
 * after a crash and go on where they were.
 */
export interface Bundles {
  /** **Errors**: `already_exists` for a finished bundle, `bucket_not_found`, `access_denied` for another secret. */
  export(request: BundleExport, signal: AbortSignal): Promise<BundleExportReport>;
  /**
   * Nothing is stored before every volume was verified. **Errors**: `data_corrupt` naming the volume that is missing,
   * changed, of another bundle or of another place; `access_denied` for the wrong secret or signer; `conflict`.
   */
  import(request: BundleImport, signal: AbortSignal): Promise<BundleImportReport>;
  /** The current objects as plain files. **Errors**: `already_exists` for a directory that holds something. */
  exportTree(request: TreeExport, signal: AbortSignal): Promise<TreeExportReport>;
}

/** What keeps acknowledged bytes from being lost: types of the storage contract. */

/** A place of bytes, and what its loss means. **Units**: bytes, versions. */
export interface PlaceDurability {
  readonly name: string;
  readonly location: string;
  /** A disk of this machine, or another S3-compatible service. */
  readonly medium: 'disk' | 'service';
  readonly storageClasses: readonly string[];
  readonly versions?: number;
  readonly bytes?: number;
  /** Copies that Loch keeps of each version there. What is below the file system or the service it does not see. */
  readonly copies: number;
  /** Copies that may be lost now without losing bytes. */
  readonly tolerates: number;
  /** `green`: as it should be; `yellow`: bytes are there, something needs a person; `red`: bytes are lost or cannot be reached. */
  readonly state: 'green' | 'yellow' | 'red';
  /** Why it is not green. */
  readonly why: readonly string[];
  readonly model?: LossModel;
}

/** The chance that something of a place is lost within a year, and what it was reckoned from. */
export interface LossModel {
  /** Between 0 and 1. */
  readonly yearlyLoss: number;
  readonly inputs: {
    /** Share of disks that fail in a year, between 0 and 1: a setting, not a measurement. */
    readonly diskFailuresPerYear: number;
    /** Bits read for each that cannot be read any more, as makers of disks state it. */
    readonly bitsPerUnreadable: number;
    /** Bytes that each full read touches. */
    readonly bytes: number;
    readonly fullReadsPerYear: number;
  };
}

/** The durability of a lake as it is now. **Units**: milliseconds since 1970 UTC. */
export interface DurabilityReport {
  readonly at: number;
  readonly places: readonly PlaceDurability[];
  readonly damagedVersions: number;
  readonly lastScrubAt?: number;
}

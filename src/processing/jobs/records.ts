import type { JobDefinition, JobRun } from '../contract.ts';

/** What of a request outlives it: in whose name the run goes on, and by which request. */
export interface CallerRecord {
  readonly principalArn: string;
  readonly requestId: string;
  readonly door: string;
  readonly sourceIp: string;
  readonly userAgent: string;
  readonly secure: boolean;
}

/** One object version that a run reads. */
export interface PinnedObject {
  readonly bucket: string;
  readonly key: string;
  readonly versionId: string;
  readonly size: number;
}

export interface JobRecord {
  readonly definition: JobDefinition;
  readonly owner: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** A run with what only the executor needs. */
export interface RunRecord {
  readonly run: JobRun;
  readonly caller: CallerRecord;
  /** The commit plan as text; set from COMMITTING on. */
  readonly plan?: string;
}

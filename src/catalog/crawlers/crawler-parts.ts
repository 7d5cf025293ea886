import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import type { Identities } from '../../governance/contract.ts';
import { parseS3Uri } from '../../storage/contract.ts';
import type { Connections, CrawlerTarget, LineageRecorder, SourceTables } from '../contract.ts';
import type { CatalogParts } from '../databases/parts.ts';
import type { GrokMatcher } from './classifiers/grok.ts';
import type { StoredRun } from './rows.ts';

/** What crawls are built from. */
export interface CrawlerParts extends CatalogParts {
  readonly identities: Identities;
  /** Runs the patterns of custom classifiers. */
  readonly matcher: GrokMatcher;
  /** Told of which places tables were made of. */
  readonly lineage?: LineageRecorder;
  /** Connections for JDBC targets, and what reads the tables behind them; without them there are no such targets. */
  readonly openConnection?: Connections['open'] | undefined;
  readonly sourceTables?: SourceTables | undefined;
}

/** Why a run's signal is aborted: its user asked for it, or the process closes and a restart goes on. */
export type AbortReason = 'stopped' | 'closing';

/** A run under way: who acts, what was found so far is in the store. */
export interface Crawl {
  readonly stored: StoredRun;
  readonly context: RequestContext;
  readonly signal: AbortSignal;
}

/** Ends a phase at its next step when the run is to stop. */
export function checkGoing(crawl: Crawl): void {
  if (crawl.signal.aborted) throw new LochError('statement_cancelled', 'The crawl was stopped.');
}

/** A target as bucket and key prefix: a folder with its slash, or empty for the bucket. */
export interface TargetPlace {
  readonly bucket: string;
  /** The prefix of its folder. */
  readonly root: string;
  /** The object that the path names, if there is one. */
  readonly key?: string;
}

/** **Errors**: `invalid_argument` when the path is no S3 location. */
export function placeOf(target: CrawlerTarget): TargetPlace {
  const path = /^s3[an]?:\/\//.test(target.path) ? target.path : `s3://${target.path}`;
  const { bucket, key } = parseS3Uri(path);
  if (key === '' || key.endsWith('/')) return { bucket, root: key };
  return { bucket, root: `${key}/`, key };
}

/** The target's exclusions as globs of whole S3 locations, as they stand in a table's parameters. */
export function exclusionsOf(target: CrawlerTarget): string[] {
  const { bucket, root } = placeOf(target);
  return target.exclusions.map((pattern) => `s3://${bucket}/${root}${pattern}`);
}

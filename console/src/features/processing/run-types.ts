/** A workflow run, as the API tells it. */
export interface WorkflowRun {
  readonly id: string;
  readonly workflow: string;
  readonly state: string;
  readonly trigger: string;
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly nodes: readonly {
    readonly name: string;
    readonly state: string;
    readonly runId?: string;
    readonly startedAt?: number;
    readonly endedAt?: number;
    readonly error?: string;
  }[];
}

/** A job run, as the API tells it. */
export interface JobRun {
  readonly id: string;
  readonly job: string;
  readonly state: string;
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly counts?: {
    readonly rowsIn: number;
    readonly rowsCommitted: number;
    readonly rowsRejected: number;
    readonly rowsDuplicate: number;
    readonly rejectedByRule: Readonly<Record<string, number>>;
  };
  readonly error?: { readonly code: string; readonly message: string };
}

/** A workflow's steps and what each waits for. */
export interface Workflow {
  readonly name: string;
  readonly nodes: readonly { readonly name: string; readonly kind: string; readonly after: readonly string[] }[];
}

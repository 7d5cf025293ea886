import type { GetWorkGroupInput } from '@aws-sdk/client-athena';
import { LochError } from '../../../core/errors.ts';
import type { OperationSpec } from '../service.ts';

const PRIMARY = 'primary';
const ENGINE = { SelectedEngineVersion: 'AUTO', EffectiveEngineVersion: 'Athena engine version 3' };

/** The one work group there is. Making others is not supported and answers so by name. */
export function workgroupOperations(): Readonly<Record<string, OperationSpec>> {
  return {
    GetWorkGroup: {
      readOnly: true,
      partial: 'the work group `primary` only',
      run: async (_context, input: GetWorkGroupInput) => {
        if (input.WorkGroup !== PRIMARY) {
          throw new LochError('invalid_argument', `WorkGroup ${input.WorkGroup} is not found. Known: ${PRIMARY}.`, {
            context: { workgroup: input.WorkGroup ?? '' },
          });
        }
        return {
          WorkGroup: {
            Name: PRIMARY,
            State: 'ENABLED',
            Configuration: {
              EnforceWorkGroupConfiguration: false,
              PublishCloudWatchMetricsEnabled: false,
              RequesterPaysEnabled: false,
              EngineVersion: ENGINE,
            },
          },
        };
      },
    },
    ListWorkGroups: {
      readOnly: true,
      run: async () => ({ WorkGroups: [{ Name: PRIMARY, State: 'ENABLED', EngineVersion: ENGINE }] }),
    },
  };
}

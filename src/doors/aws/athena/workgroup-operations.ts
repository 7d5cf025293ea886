import type { GetWorkGroupInput, ListWorkGroupsInput } from '@aws-sdk/client-athena';
import type { Queries, Workgroup } from '../../../consumption/contract.ts';
import { LochError } from '../../../core/errors.ts';
import type { OperationSpec } from '../service.ts';

const ENGINE = { SelectedEngineVersion: 'AUTO', EffectiveEngineVersion: 'Athena engine version 3' };

const summary = ({ name }: Workgroup) => ({ Name: name, State: 'ENABLED', EngineVersion: ENGINE });

/** The one work group there is. Making others is not supported and answers so by name. */
export function workgroupOperations(queries: Queries): Readonly<Record<string, OperationSpec>> {
  return {
    GetWorkGroup: {
      readOnly: true,
      partial: 'the work group `primary` only',
      run: async (context, input: GetWorkGroupInput) => {
        const workgroup = await queries.workgroup(context, input.WorkGroup ?? '');
        return {
          WorkGroup: {
            Name: workgroup.name,
            State: 'ENABLED',
            Configuration: {
              ResultConfiguration: { OutputLocation: workgroup.outputLocation },
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
      run: async (context, input: ListWorkGroupsInput) => {
        if (input.NextToken !== undefined) {
          throw new LochError('invalid_argument', 'The page token is not one of this list.', {
            context: { argument: 'NextToken' },
          });
        }
        return { WorkGroups: (await queries.workgroups(context)).map(summary) };
      },
    },
  };
}

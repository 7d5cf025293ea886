import type { ObjectAccess } from '../contract.ts';
import { authorizeRead, type ObjectDeps, recorded } from './authorize.ts';

type Reads = Pick<ObjectAccess, 'getObject' | 'headObject'>;

/** Reading an object or its head. The data event is durable before the first byte of the body is handed on. */
export function readUseCases(deps: ObjectDeps): Reads {
  return {
    getObject: (context, name, options) =>
      recorded(
        deps,
        context,
        'GetObject',
        name,
        async () => {
          await authorizeRead(deps, context, name);
          return deps.objects.get(name.bucket, name.key, options);
        },
        ({ head, range }) => (range === undefined ? head.size : range.last - range.first + 1),
      ),
    headObject: (context, name, options) =>
      recorded(deps, context, 'HeadObject', name, async () => {
        await authorizeRead(deps, context, name);
        return deps.objects.head(name.bucket, name.key, options);
      }),
  };
}

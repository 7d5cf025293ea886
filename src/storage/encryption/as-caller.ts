import type { RequestContext } from '../../core/caller.ts';
import type { CopyOptions, ObjectAccess } from '../contract.ts';

/** `access` whose reads and writes use keys in the name of their caller, whatever door he came through. */
export function asCaller(access: ObjectAccess): ObjectAccess {
  const named = <O extends object>(caller: RequestContext, options: O | undefined) =>
    ({ ...options, caller }) as O & { caller: RequestContext };
  const copying = (caller: RequestContext, options: CopyOptions | undefined): CopyOptions => ({
    ...options,
    caller,
    source: { ...options?.source, caller },
  });
  return {
    ...access,
    putObject: (context, target, body, options) => access.putObject(context, target, body, named(context, options)),
    getObject: (context, name, options) => access.getObject(context, name, named(context, options)),
    headObject: (context, name, options) => access.headObject(context, name, named(context, options)),
    copyObject: (context, from, to, options) => access.copyObject(context, from, to, copying(context, options)),
    createUpload: (context, target, options) => access.createUpload(context, target, named(context, options)),
    putPart: (context, upload, number, body, options) =>
      access.putPart(context, upload, number, body, named(context, options)),
    copyPart: (context, upload, number, from, range, options) =>
      access.copyPart(context, upload, number, from, range, copying(context, options)),
  };
}

import { LochError } from '../../core/errors.ts';

/** `bucket` or `bucket/prefix` of an S3 ARN or `s3://` path, without a slash at the end. **Errors**: `invalid_argument`. */
export function locationPath(location: string): string {
  const match = /^(?:arn:aws[a-z-]*:s3:::|s3[an]?:\/\/)([^/*?]+(?:\/.*)?)$/s.exec(location);
  if (match === null) {
    throw new LochError(
      'invalid_argument',
      `\`${location}\` is not an S3 location. Write it as arn:aws:s3:::bucket/prefix.`,
      { context: { location } },
    );
  }
  return match[1]!.replace(/\/+$/, '');
}

/** The ARN a location is kept and granted by. */
export const locationArn = (path: string): string => `arn:aws:s3:::${path}`;

/** Whether `path` is `root` or lies under it, by whole path segments. */
export const isUnder = (path: string, root: string): boolean => path === root || path.startsWith(`${root}/`);

/** The longest of `roots` that `path` lies under. **Cost**: one lookup per segment of the path. */
export function longestRoot(path: string, roots: { has(path: string): boolean }): string | undefined {
  for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
    const root = path.slice(0, end);
    if (roots.has(root)) return root;
  }
  return undefined;
}

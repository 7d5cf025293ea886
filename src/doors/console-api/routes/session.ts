import { deleteCookie, setCookie } from 'hono/cookie';
import { z } from 'zod';
import { LochError } from '../../../core/errors.ts';
import { type Routes, routes } from '../app.ts';
import { SESSION_COOKIE, type Sessions } from '../session.ts';

const signInBody = z.strictObject({
  accessKeyId: z.string().min(1).max(128),
  secretAccessKey: z.string().min(1).max(256),
});
const linkBody = z.strictObject({ token: z.string().min(1).max(128) });
/** Over TLS the cookie never travels without it. */
const cookieOptions = (secure: boolean) =>
  ({ httpOnly: true, sameSite: 'Strict', path: '/', maxAge: 12 * 3600, secure }) as const;

/** Signing in and out, and who I am. */
export function sessionRoutes(deps: { readonly sessions: Sessions; readonly consoleUrl: () => string }): Routes {
  const app = routes();
  app.post('/session', async (c) => {
    const { accessKeyId, secretAccessKey } = signInBody.parse(c.get('body'));
    c.set('auditParameters', { accessKeyId });
    const { cookie, principal } = await deps.sessions.signIn(accessKeyId, secretAccessKey);
    setCookie(c, SESSION_COOKIE, cookie, cookieOptions(c.get('context').secure));
    return c.json({ arn: principal.arn, name: principal.name, kind: principal.kind });
  });
  app.post('/session/link', async (c) => {
    const { token } = linkBody.parse(c.get('body'));
    const { cookie, principal } = await deps.sessions.useLink(token);
    setCookie(c, SESSION_COOKIE, cookie, cookieOptions(c.get('context').secure));
    return c.json({ arn: principal.arn, name: principal.name, kind: principal.kind });
  });
  app.post('/session/links', (c) => {
    const { principal } = c.get('context');
    if (principal.kind !== 'root' || principal.accessKeyId === undefined) {
      throw new LochError(
        'access_denied',
        'Only the root keys make one-time links. Others sign in with their access key.',
      );
    }
    return c.json({ url: `${deps.consoleUrl()}/#/link/${deps.sessions.createLink(principal.accessKeyId)}` });
  });
  app.get('/session', (c) => {
    const { principal, accountId, region } = c.get('context');
    const viewedBy = c.get('viewedBy');
    return c.json({
      arn: principal.arn,
      name: principal.name,
      kind: principal.kind,
      accountId,
      region,
      ...(viewedBy === undefined ? {} : { viewedBy }),
    });
  });
  app.get('/clock', (c) => c.json({ now: c.get('context').startedAt }));
  app.delete('/session', (c) => {
    deleteCookie(c, SESSION_COOKIE, { path: '/', secure: c.get('context').secure });
    return c.body(null, 204);
  });
  return app;
}

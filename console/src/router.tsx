import {
  createHashHistory,
  createRootRoute,
  createRoute,
  createRouter,
  Link,
  lazyRouteComponent,
} from '@tanstack/react-router';
import { Failure } from './components/failure.tsx';
import { CatalogPage } from './features/catalog/catalog-page.tsx';
import { CrawlersPage } from './features/catalog/crawlers-page.tsx';
import { DroppedPage } from './features/catalog/dropped-page.tsx';
import { TablePage } from './features/catalog/table-page.tsx';
import { QueryPage } from './features/consumption/query-page.tsx';
import { AuditPage } from './features/governance/audit-page.tsx';
import { GrantsPage } from './features/governance/grants-page.tsx';
import { KeysPage } from './features/governance/keys-page.tsx';
import { PeoplePage } from './features/governance/people-page.tsx';
import { IngestionPage } from './features/ingestion/ingestion-page.tsx';
import { OverviewPage } from './features/overview/overview-page.tsx';
import { RunsPage } from './features/processing/runs-page.tsx';
import { LinkPage } from './features/session/link-page.tsx';
import { StoragePage } from './features/storage/storage-page.tsx';
import { Layout } from './layout.tsx';

const root = createRootRoute({
  component: Layout,
  notFoundComponent: () => (
    <div className="empty">
      There is no such page. <Link to="/">Back to the overview</Link>
    </div>
  ),
});

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

const tree = root.addChildren([
  createRoute({ getParentRoute: () => root, path: '/', component: OverviewPage }),
  createRoute({ getParentRoute: () => root, path: '/ingestion', component: IngestionPage }),
  createRoute({
    getParentRoute: () => root,
    path: '/storage',
    component: StoragePage,
    validateSearch: (search) => ({
      bucket: text(search.bucket),
      prefix: text(search.prefix),
      key: text(search.key),
      tab: text(search.tab),
    }),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/catalog',
    component: CatalogPage,
    validateSearch: (search) => ({
      q: text(search.q),
      database: text(search.database),
      filters: text(search.filters),
    }),
  }),
  createRoute({ getParentRoute: () => root, path: '/catalog/$database/$table', component: TablePage }),
  createRoute({
    getParentRoute: () => root,
    path: '/crawlers',
    component: CrawlersPage,
    validateSearch: (search) => ({ name: text(search.name) }),
  }),
  createRoute({ getParentRoute: () => root, path: '/dropped', component: DroppedPage }),
  createRoute({ getParentRoute: () => root, path: '/runs', component: RunsPage }),
  createRoute({
    getParentRoute: () => root,
    path: '/runs/$id',
    component: lazyRouteComponent(() => import('./features/processing/workflow-run-page.tsx'), 'WorkflowRunPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/query',
    component: QueryPage,
    validateSearch: (search) => ({ sql: text(search.sql), id: text(search.id) }),
  }),
  createRoute({ getParentRoute: () => root, path: '/people', component: PeoplePage }),
  createRoute({ getParentRoute: () => root, path: '/grants', component: GrantsPage }),
  createRoute({
    getParentRoute: () => root,
    path: '/keys',
    component: KeysPage,
    validateSearch: (search) => ({ id: text(search.id) }),
  }),
  createRoute({ getParentRoute: () => root, path: '/audit', component: AuditPage }),
  createRoute({ getParentRoute: () => root, path: '/link/$token', component: LinkPage }),
]);

export const router = createRouter({
  routeTree: tree,
  history: createHashHistory(),
  defaultPreload: false,
  // A page that fails says so in its place; the way to the others stays.
  defaultErrorComponent: ({ error }) => <Failure error={error} />,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}

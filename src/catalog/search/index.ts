import { glueArn } from '../../core/arn.ts';
import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import type { CatalogParts } from '../databases/parts.ts';
import { annotateTable } from './annotate-table.ts';
import { browseTables } from './browse-tables.ts';
import type { Discovery } from './contract.ts';
import type { IndexUpkeep } from './index-upkeep.ts';
import glossaryStore from './store.ts';

const LONGEST_NAME = 255;
const LONGEST_DEFINITION = 4_096;
const MOST_SYNONYMS = 20;

/** Search with facets, business words, and the glossary. */
export function discoveryUseCases(parts: CatalogParts, upkeep: IndexUpkeep): Discovery {
  const { store, clock } = parts;
  const { procedures } = glossaryStore;
  const authorize = (context: RequestContext, action: string, name: string) =>
    parts.policy.authorize(context, {
      action: `datazone:${action}`,
      resource: glueArn(parts.region, parts.accountId, `glossary/${name}`),
    });
  const versionsOf = async (name: string) => {
    const versions = await store.read(procedures.termVersions, { name });
    if (versions.length > 0) return versions;
    throw new LochError('not_found', `The glossary never had a term \`${name}\`.`, { context: { term: name } });
  };
  return {
    browse: browseTables(parts),
    annotate: annotateTable(parts),
    async checkIndex(context, { rebuild = false } = {}) {
      await parts.policy.authorize(context, {
        action: 'glue:UpdateCatalog',
        resource: `arn:aws:glue:${parts.region}:${parts.accountId}:catalog`,
      });
      return rebuild ? { state: 'rebuilt', tables: await upkeep.rebuild() } : { state: await upkeep.check() };
    },
    async terms(context) {
      await authorize(context, 'ListGlossaryTerms', '*');
      return store.read(procedures.terms, {});
    },
    async putTerm(context, { name, definition, synonyms }) {
      if (name.trim() === '' || name.length > LONGEST_NAME || /[,\p{Cc}]/u.test(name)) {
        throw new LochError(
          'invalid_argument',
          `A term needs a name of 1 to ${LONGEST_NAME} characters without commas.`,
        );
      }
      if (definition.length > LONGEST_DEFINITION || synonyms.length > MOST_SYNONYMS) {
        throw new LochError(
          'invalid_argument',
          `A definition may have ${LONGEST_DEFINITION} characters, a term ${MOST_SYNONYMS} synonyms.`,
        );
      }
      await authorize(context, 'CreateGlossaryTerm', name);
      return store.write(procedures.putTerm, {
        name,
        definition,
        synonyms,
        updatedAt: clock.now(),
        updatedBy: context.principal.arn,
        door: context.door,
      });
    },
    async termVersions(context, name) {
      await authorize(context, 'GetGlossaryTerm', name);
      return versionsOf(name);
    },
    async restoreTerm(context, name, version) {
      await authorize(context, 'UpdateGlossaryTerm', name);
      const versions = await versionsOf(name);
      const wanted = versions.find((one) => one.version === version && !one.deleted);
      if (wanted === undefined) {
        const known = versions.filter((one) => !one.deleted).map((one) => one.version);
        throw new LochError(
          'not_found',
          `\`${name}\` has no version ${version} to restore. Kept are: ${known.join(', ')}.`,
          {
            context: { term: name, version },
          },
        );
      }
      const { definition, synonyms } = wanted;
      const { principal, door } = context;
      return store.write(procedures.putTerm, {
        name,
        definition,
        synonyms,
        updatedAt: clock.now(),
        updatedBy: principal.arn,
        door,
      });
    },
    async deleteTerm(context, name) {
      await authorize(context, 'DeleteGlossaryTerm', name);
      const { principal, door } = context;
      await store.write(procedures.deleteTerm, { name, at: clock.now(), by: principal.arn, door });
    },
  };
}

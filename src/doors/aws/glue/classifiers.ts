import type {
  Classifier,
  CreateClassifierRequest,
  DeleteClassifierRequest,
  GetClassifierRequest,
  GetClassifierResponse,
  GetClassifiersRequest,
  GetClassifiersResponse,
  UpdateClassifierRequest,
} from '@aws-sdk/client-glue';
import type { ClassifierInput, ClassifierRecord, Classifiers } from '../../../catalog/contract.ts';
import type { RequestContext } from '../../../core/caller.ts';
import { LochError } from '../../../core/errors.ts';
import type { OperationSpec } from '../service.ts';
import { isText, pageSize, positionOf, tokenOf } from './pages.ts';

const PAGE = 1000;
const MEMBERS = {
  GrokClassifier: 'grok',
  XMLClassifier: 'xml',
  JsonClassifier: 'json',
  CsvClassifier: 'csv',
} as const;

type Given = { readonly Name?: string | undefined } & Readonly<Record<string, unknown>>;

/** The one member of the union that is given. **Errors**: `invalid_argument` for none or several. */
function onlyMember(input: CreateClassifierRequest | UpdateClassifierRequest): {
  readonly kind: ClassifierInput['kind'];
  readonly given: Given;
} {
  const present = Object.entries(MEMBERS).filter(([member]) => input[member as keyof typeof MEMBERS] !== undefined);
  const [first, ...others] = present;
  if (first === undefined || others.length > 0) {
    throw new LochError('invalid_argument', `Give exactly one of ${Object.keys(MEMBERS).join(', ')}.`);
  }
  return { kind: first[1], given: input[first[0] as keyof typeof MEMBERS] as Given };
}

/** Names of the SDK's members and ours. */
const FIELDS: Readonly<Record<ClassifierInput['kind'], Readonly<Record<string, string>>>> = {
  grok: { Classification: 'classification', GrokPattern: 'pattern', CustomPatterns: 'customPatterns' },
  xml: { Classification: 'classification', RowTag: 'rowTag' },
  json: { JsonPath: 'path' },
  csv: {
    Delimiter: 'delimiter',
    QuoteSymbol: 'quote',
    ContainsHeader: 'header',
    Header: 'names',
    DisableValueTrimming: 'disableValueTrimming',
    AllowSingleColumn: 'allowSingleColumn',
    CustomDatatypes: 'datatypes',
    Serde: 'serde',
  },
};

function fieldsOf(kind: ClassifierInput['kind'], given: Given): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const [member, field] of Object.entries(FIELDS[kind])) {
    if (given[member] !== undefined) fields[field] = given[member];
  }
  if (given.CustomDatatypeConfigured === false) delete fields.datatypes;
  return fields;
}

function fromClassifier(record: ClassifierRecord): Classifier {
  const values = record as unknown as Readonly<Record<string, unknown>>;
  const members = Object.entries(FIELDS[record.kind]).filter(([, field]) => values[field] !== undefined);
  const member = Object.entries(MEMBERS).find(([, kind]) => kind === record.kind)![0];
  return {
    [member]: {
      Name: record.name,
      CreationTime: new Date(record.createdAt),
      LastUpdated: new Date(record.updatedAt),
      Version: record.version,
      ...Object.fromEntries(members.map(([name, field]) => [name, values[field]])),
      ...(record.kind === 'csv' && record.datatypes !== undefined ? { CustomDatatypeConfigured: true } : {}),
    },
  } as unknown as Classifier;
}

/** Operations on custom classifiers. */
export function classifierOperations(classifiers: Classifiers): Record<string, OperationSpec> {
  return {
    CreateClassifier: {
      async run(context: RequestContext, input: CreateClassifierRequest) {
        const { kind, given } = onlyMember(input);
        await classifiers.create(context, {
          name: given.Name ?? '',
          kind,
          ...fieldsOf(kind, given),
        } as ClassifierInput);
        return {};
      },
    },
    UpdateClassifier: {
      async run(context: RequestContext, input: UpdateClassifierRequest) {
        const { kind, given } = onlyMember(input);
        await classifiers.update(context, given.Name ?? '', kind, fieldsOf(kind, given));
        return {};
      },
    },
    GetClassifier: {
      readOnly: true,
      async run(context: RequestContext, input: GetClassifierRequest): Promise<GetClassifierResponse> {
        return { Classifier: fromClassifier(await classifiers.get(context, input.Name!)) };
      },
    },
    GetClassifiers: {
      readOnly: true,
      async run(context: RequestContext, input: GetClassifiersRequest): Promise<GetClassifiersResponse> {
        const limit = pageSize(input.MaxResults, PAGE);
        const after = positionOf(input.NextToken, isText);
        const rest = (await classifiers.list(context)).filter((one) => after === undefined || one.name > after);
        const page = rest.slice(0, limit);
        return {
          Classifiers: page.map(fromClassifier),
          ...(rest.length > limit ? { NextToken: tokenOf(page.at(-1)!.name) } : {}),
        };
      },
    },
    DeleteClassifier: {
      async run(context: RequestContext, input: DeleteClassifierRequest) {
        await classifiers.delete(context, input.Name!);
        return {};
      },
    },
  };
}

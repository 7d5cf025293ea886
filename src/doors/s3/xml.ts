import { SaxesParser } from 'saxes';
import { LochError } from '../../core/errors.ts';
import { escapeXml } from '../kit/escape-xml.ts';

const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';

/**
 * Content of an element: text, nested elements, or a list of them (each rendered under the same name). Members of a
 * nested element that begin with `@` are its attributes; those of a list under `*` stand in the element themselves, one
 * after the other.
 */
export type XmlValue = XmlItem | undefined | readonly XmlItem[];
type XmlItem = string | number | boolean | XmlRecord;
export interface XmlRecord {
  readonly [name: string]: XmlValue;
}

/** A document with S3's namespace. Undefined members are left out. */
export function renderXml(root: string, content: XmlRecord): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${renderElement(root, { '@xmlns': NAMESPACE, ...content })}`;
}

/** A document without a namespace, as S3 answers forms. */
export const renderPlainXml = (root: string, content: XmlRecord): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n${renderElement(root, content)}`;

function renderElement(name: string, content: XmlRecord): string {
  let attributes = '';
  let members = '';
  for (const [member, value] of Object.entries(content)) {
    if (value === undefined) continue;
    if (member === '*') for (const one of value as readonly XmlRecord[]) members += renderMembers(one);
    else if (member.startsWith('@')) attributes += ` ${member.slice(1)}="${escapeXml(String(value))}"`;
    else if (!Array.isArray(value)) members += renderMember(member, value as XmlItem);
    else for (const item of value as readonly XmlItem[]) members += renderMember(member, item);
  }
  return `<${name}${attributes}>${members}</${name}>`;
}

const renderMembers = (content: XmlRecord): string =>
  Object.entries(content)
    .map(([name, value]) => renderMember(name, value as XmlItem))
    .join('');

function renderMember(name: string, value: XmlItem): string {
  if (typeof value === 'object') return renderElement(name, value);
  return `<${name}>${typeof value === 'string' ? escapeXml(value) : value}</${name}>`;
}

/** An element as read: its children by name, in order, and its text. */
export interface XmlElement {
  readonly name: string;
  readonly children: XmlElement[];
  /** By name without prefix. */
  readonly attributes?: Readonly<Record<string, string>>;
  text: string;
}

const MAX_DEPTH = 16;

/** Parses a small document. **Errors**: `malformed_request` for anything but well-formed XML without a DOCTYPE, at most 16 deep. */
export function parseXml(text: string): XmlElement {
  const root: XmlElement = { name: '', children: [], text: '' };
  const stack = [root];
  const parser = new SaxesParser();
  parser.on('error', (error) => {
    throw new LochError('malformed_request', `The body is not well-formed XML: ${error.message}`);
  });
  parser.on('doctype', () => {
    throw new LochError('malformed_request', 'A DOCTYPE is not allowed in the body.');
  });
  parser.on('opentag', (tag) => {
    if (stack.length > MAX_DEPTH) {
      throw new LochError('malformed_request', `The XML of the body is nested deeper than ${MAX_DEPTH}.`);
    }
    const attributes = Object.fromEntries(
      Object.entries(tag.attributes).map(([name, value]) => [name.replace(/^.*:/, ''), value]),
    );
    const element: XmlElement = { name: tag.name.replace(/^.*:/, ''), children: [], attributes, text: '' };
    stack.at(-1)!.children.push(element);
    stack.push(element);
  });
  parser.on('closetag', () => void stack.pop());
  const append = (part: string) => {
    stack.at(-1)!.text += part;
  };
  parser.on('text', append);
  parser.on('cdata', append);
  parser.write(text).close();
  return root.children[0]!;
}

/** The text of the first child of that name. */
export function childText(element: XmlElement, name: string): string | undefined {
  return element.children.find((child) => child.name === name)?.text;
}

/** The texts of all children of that name. */
export function childTexts(element: XmlElement, name: string): string[] {
  return element.children.filter((child) => child.name === name).map(({ text }) => text);
}

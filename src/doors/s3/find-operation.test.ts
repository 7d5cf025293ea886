import { expect, it } from 'vitest';
import { isLochError } from '../../core/errors.ts';
import { s3OperationRequests } from '../../testing/clients/s3-operations.ts';
import { findOperation } from './find-operation.ts';

it('takes no operation of the official client for another: it does it, or refuses it by its name', () => {
  const answers = s3OperationRequests().map((request) => {
    try {
      return [request.name, findOperation(request).name];
    } catch (error) {
      if (!isLochError(error, 'unsupported')) throw error;
      return [request.name, error.context.operation];
    }
  });
  expect(answers.length).toBeGreaterThan(100);
  expect(answers.filter(([asked, answered]) => asked !== answered)).toEqual([]);
});

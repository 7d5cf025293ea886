import { z } from 'zod';

/** Where a bucket's access log goes: what `BucketSettings` keeps under `logging`. */
export const loggingSchema = z.strictObject({
  targetBucket: z.string().min(1),
  targetPrefix: z.string(),
  /** Absent: the plain form. By the day of the requests, or of the delivery. */
  partitionedBy: z.enum(['EventTime', 'DeliveryTime']).optional(),
});

export type LoggingConfiguration = z.infer<typeof loggingSchema>;

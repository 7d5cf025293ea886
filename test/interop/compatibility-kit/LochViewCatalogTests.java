package org.apache.iceberg.rest;

import java.nio.file.Paths;

/** The kit's tests of views, at locations that the server can see. */
public class LochViewCatalogTests extends RESTCompatibilityKitViewCatalogTests {
  @Override
  protected String viewLocation(String... parts) {
    return "s3:/" + Paths.get("/curated/kit-views", parts);
  }
}
